"""What somebody does to a host by hand: verify.py finds it and names it, deploy.py heals it."""

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project

pytestmark = pytest.mark.lab
RELEASE = "~/.drydock/harbour/current"

ROUNDS = (
    {
        "docker stop harbour-gate": "gate: state exited, exit status 0 → running: start",
        "docker kill harbour-tide": "tide: state exited, exit status 137 → running: start",
        "docker update --memory 90m --memory-swap 90m --cpus 0.4 harbour-pilot": (
            "pilot: CPUs 0.4 → 0.3, applied live",
            "pilot: memory 90 MiB → 96 MiB, applied live",
        ),
    },
    {
        "docker pause harbour-gate": "gate: state paused → running: start",
        "docker tag harbour-gate:m1 harbour-pilot:m1": (
            "pilot: tag harbour-pilot:m1, the tag stands for another image: tag"
        ),
        f"echo '# mine' >>{RELEASE}/docker-compose.m1.yml": (
            "release: docker-compose.m1.yml, edited by hand: written"
        ),
    },
    {
        "docker rm --force harbour-gate": "gate: container, not on this host yet: create",
        f"rm {RELEASE}/images/gate/nginx.conf": (
            "release: images/gate/nginx.conf, missing: written"
        ),
        f"touch {RELEASE}/notes": "release: notes, put there by hand: written",
    },
)


@pytest.mark.parametrize("deeds", ROUNDS)
def test_drift_is_found_and_named_and_healed(running: Project, mac2: Mac, deeds):
    for deed in deeds:
        mac2.sh(f"export DOCKER_HOST=unix://{mac2.state.socket} PATH=$PATH:/usr/local/bin; {deed}")
    before = mac2.evidence()

    found = running.run("verify.py", "-y", hosts="mac2")
    assert found.status != 0
    assert "drift from release" in found.text
    for said in deeds.values():
        for sentence in (said,) if isinstance(said, str) else said:
            assert sentence in found.text
    assert "Traceback" not in found.text
    assert mac2.evidence() == before

    running.deploy(hosts="mac2")
    healed = running.run("verify.py", "-y", hosts="mac2")
    assert healed.status == 0, healed.text
    assert "4/4 containers healthy, 1/1 endpoints answer" in healed.text


def test_a_container_made_anew_by_hand_is_replaced(running: Project, mac2: Mac):
    """As tools do it that replace a container's image: all its labels are carried over."""
    before = mac2.identities("harbour")
    labels = mac2.containers("harbour")["harbour-store"]["Config"]["Labels"]
    said = [f"--label={key}={value}" for key, value in labels.items()]
    mac2.docker("rm", "--force", "harbour-store")
    mac2.docker("run", "--detach", "--name", "harbour-store", *said, "nginx:1.26")
    found = running.run("verify.py", "-y", hosts="mac2")
    assert found.status != 0
    assert "store: read only False → True: recreate" in found.text

    running.deploy(hosts="mac2")
    after = mac2.identities("harbour")
    assert {name for name in before if before[name] != after[name]} == {"harbour-store"}
    assert mac2.containers("harbour")["harbour-store"]["HostConfig"]["ReadonlyRootfs"]


def test_files_alone_are_mended_without_touching_a_container(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    mac2.sh(f"rm {RELEASE}/docker-compose.m1.yml")
    running.deploy(hosts="mac2")

    mac2.sh(f"test -s {RELEASE}/docker-compose.m1.yml")
    assert mac2.identities("harbour") == before


def test_what_does_not_run_is_called_by_its_state(running: Project, mac2: Mac):
    mac2.docker("kill", "harbour-tide")
    found = running.run("verify.py", "-y", hosts="mac2")

    assert "tide: its container is exited" in found.text
    assert "3/4 containers healthy, 0/1 endpoints answer" in found.text


def test_data_that_was_never_deployed_is_told_from_drift(running: Project, mac2: Mac):
    run = running.run("verify.py", "-y", hosts="mac2", overrides={"pilot": {"memory": "128 MiB"}})

    assert run.status != 0
    assert "this data has never been deployed" in run.text
    assert "pilot: memory 96 MiB → 128 MiB" in run.text
