"""What a change does to a running stack, and what it leaves alone."""

import json
import re

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project

pytestmark = pytest.mark.lab
MIB = 2**20
SILENCE_S = 5
# Of a run that has nothing to do, over its one connection.
COMMANDS = 7


def untouched(before, after, changed=()):
    """Services whose containers are the same ones, never restarted."""
    return {name for name in before if name not in changed and before[name] == after.get(name)}


def test_dry_shows_each_change_in_words_and_changes_nothing(running: Project, mac2: Mac):
    before = mac2.evidence()
    running.edit("src/tide.py", '"greeting": greeting', '"greeting": greeting, "moon": "full"')
    overrides = {
        "store": {"memory": "80 MiB"},
        "gate": {"environment": {"LIGHT": "green"}},
    }
    run = running.run("deploy.py", "--dry", hosts="mac2", overrides=overrides)

    assert run.status == 0
    assert "store: memory 64 MiB → 80 MiB, applied live" in run.text
    assert "gate: environment LIGHT none → green: recreate" in run.text
    assert "tide: image, its src changed: rebuild, recreate" in run.text
    assert mac2.evidence() == before


def test_dry_on_a_host_without_anything_leaves_it_so(harbour: Project, mac1: Mac):
    before = mac1.evidence()
    run = harbour.run("deploy.py", "--dry", hosts="mac1")

    assert run.status == 0
    assert "release: files none → " in run.text
    assert "tide: image, not on this host yet: build, create" in run.text
    assert mac1.evidence() == before


def test_dry_with_diff_shows_the_files(running: Project, mac2: Mac):
    before = mac2.evidence()
    running.edit("group_data/all.py", "the gate is open", "the gate is shut")
    run = running.run("deploy.py", "--dry", "--diff", hosts="mac2")

    assert "/images/gate/nginx.conf" in run.text
    assert '-        location / { return 200 "the gate is open\\n"; }' in run.text
    assert '+        location / { return 200 "the gate is shut\\n"; }' in run.text
    assert mac2.evidence() == before


def test_json_gives_the_same_to_a_program(running: Project, mac2: Mac):
    before = mac2.evidence()
    overrides = {"store": {"memory": "80 MiB"}}
    run = running.run("deploy.py", "--dry", "--json", hosts="mac2", overrides=overrides)

    change = next(each for each in run.changes if each["field"] == "memory")
    assert change == {
        "host": "mac2",
        "action": "update",
        "subject": "store",
        "field": "memory",
        "old": "64 MiB",
        "new": "80 MiB",
        "reason": None,
        "also": None,
        "sentence": "store: memory 64 MiB → 80 MiB, applied live",
    }
    assert {each["subject"] for each in run.changes} == {"release", "store"}
    assert mac2.evidence() == before


def test_json_of_a_deploy_is_alone_on_stdout_and_progress_goes_to_stderr(
    running: Project, mac2: Mac
):
    overrides = {"gate": {"environment": {"LIGHT": "green"}}}
    run = running.deploy("--json", hosts="mac2", overrides=overrides)

    assert {each["subject"] for each in run.changes} >= {"release", "gate"}
    said = json.loads(run.output)
    assert run.output.startswith("{") and isinstance(said, dict)
    told = run.text.removeprefix(run.output)
    assert re.search(r"phase frontend: gate; \d+ s since the run began", told)
    assert re.search(r"1/\d gate healthy in [\d.]+ s", told)
    assert "healthy in" not in run.output
    assert run.longest_silence_s < SILENCE_S
    assert "LIGHT=green" in mac2.containers("harbour")["harbour-gate"]["Config"]["Env"]


def test_the_same_again_is_no_change(running: Project, mac2: Mac):
    before = mac2.evidence()
    log = mac2.root / "var/log/sshd.log"
    earlier = log.stat().st_size
    run = running.deploy(hosts="mac2")
    heard = log.read_bytes()[earlier:].decode()

    assert "no changes: harbour:m1" in run.text
    assert "4/4 containers healthy, 1/1 endpoints answer" in run.text
    assert mac2.evidence() == before
    assert heard.count("Accepted publickey") == 1
    assert 0 < heard.count("Starting session") <= COMMANDS


def test_a_changed_environment_recreates_its_service_alone(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    running.deploy(hosts="mac2", overrides={"tide": {"environment": {"GREETING": "low water"}}})
    after = mac2.identities("harbour")

    assert untouched(before, after) == {"harbour-store", "harbour-pilot", "harbour-gate"}
    assert before["harbour-tide"][0] != after["harbour-tide"][0]
    assert "low water" in mac2.sh("curl -fsS http://127.0.0.1:18001/health")


def test_resources_alone_are_applied_live(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    overrides: dict[str, object] = {}
    for said, field, value in (
        ({"memory": "128 MiB", "reservation": "32 MiB"}, "MemoryReservation", 32 * MIB),
        ({"memory": "72 MiB"}, "Memory", 72 * MIB),
        ({"cpus": 0.45}, "NanoCpus", 450_000_000),
        ({"cpuset": "1"}, "CpusetCpus", "1"),
        ({"latency_class": "latency"}, "CpuShares", 4096),
    ):
        overrides |= said
        run = running.deploy(hosts="mac2", overrides={"pilot": overrides})
        assert "applied live" in run.text
        assert mac2.containers("harbour")["harbour-pilot"]["HostConfig"][field] == value
        assert mac2.identities("harbour") == before

    again = running.deploy(hosts="mac2", overrides={"pilot": overrides})
    assert "no changes: harbour:m1" in again.text


def test_a_changed_template_rebuilds_its_service_alone(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    running.edit("templates/images/gate.Dockerfile.j2", "USER nginx", "ENV LIGHT=green\nUSER nginx")
    run = running.deploy(hosts="mac2")

    assert "gate: image, its Dockerfile changed: rebuild, recreate" in run.text
    after = mac2.identities("harbour")
    assert untouched(before, after) == {"harbour-store", "harbour-tide", "harbour-pilot"}
    gate = mac2.containers("harbour")["harbour-gate"]
    assert "LIGHT=green" in gate["Config"]["Env"]


def test_a_change_that_leaves_a_file_as_long_as_it_was_is_built(running: Project, mac2: Mac):
    for word in ("open", "shut", "dark"):
        edited = {"gate": {"build": {"arguments": {"greeting": f"the gate is {word}"}}}}
        running.deploy(hosts="mac2", overrides=edited)
        answer = mac2.sh("curl -fsS http://127.0.0.1:18080/")
        assert answer.strip() == f"the gate is {word}"


def test_changed_code_rebuilds_those_that_are_made_of_it(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    running.edit("src/tide.py", '"greeting": greeting', '"greeting": greeting, "moon": "full"')
    run = running.deploy(hosts="mac2")

    assert "tide: image, its src changed: rebuild, recreate" in run.text
    after = mac2.identities("harbour")
    assert untouched(before, after) == {"harbour-store", "harbour-gate"}
    assert '"moon": "full"' in mac2.sh("curl -fsS http://127.0.0.1:18001/health")


def test_a_service_that_leaves_the_stack_goes_and_its_volume_stays(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    data = running.folder / "group_data/all.py"
    data.write_text(data.read_text() + 'del stack["services"]["pilot"]\n')
    mac2.docker("network", "create", "--label", "dev.drydock.stack=harbour", "harbour-former")
    mac2.docker("network", "create", "harbour-somebodys")
    run = running.deploy(hosts="mac2")

    assert "harbour-pilot: container, no longer in the stack: remove" in run.text
    assert "harbour-former: network, nothing of the stack uses it any more: cleaned" in run.text
    networks = mac2.docker("network", "ls", "--format", "{{.Name}}").split()
    assert "harbour-former" not in networks
    mac2.docker("network", "rm", "harbour-somebodys")  # others' are left
    assert "no changes" in running.deploy(hosts="mac2").text
    after = mac2.identities("harbour")
    assert set(after) == untouched(before, after) == set(before) - {"harbour-pilot"}
    assert "harbour-store-data" in mac2.docker("volume", "ls", "--quiet").splitlines()


def test_compose_by_hand_agrees_with_a_first_deployment(harbour: Project, mac2: Mac):
    mac2.remove_stack("harbour")
    assert harbour.deploy(hosts="mac2").status == 0
    before = mac2.identities("harbour")
    mac2.sh(
        f"DOCKER_CONFIG=~/.drydock/harbour/docker DOCKER_HOST=unix://{mac2.state.socket}"
        f" {mac2.state.cli} compose --file ~/.drydock/harbour/current/docker-compose.m1.yml up -d"
    )
    assert mac2.identities("harbour") == before
