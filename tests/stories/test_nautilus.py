"""Nautilus on a Mac with an M4 Max: the stories follow each other on one deployment."""

import json
import re
import runpy
from ipaddress import ip_address
from pathlib import Path

import pytest

from stack.release.archive import open_archive
from stack.release.seal import read_key
from stack.report.model import Report
from tests.stories.client import in_its_network
from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project, Run
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
SERVICES = 16
ENDPOINTS = 10
SILENCE_S = 5
PAGES = ("Backend API", "Prometheus", "Grafana", "Frontend", "Nautilus, through nginx")
STACK = runpy.run_path(str(ROOT / "group_data/all.py"))["stack"]
# Without what runs only where a host's data says so.
STACK_SERVICES = {name: it for name, it in STACK["services"].items() if "when" not in it}
SECRETS = {name for service in STACK_SERVICES.values() for name in service.get("secrets", ())}
RISK = {"memory": "3 GiB", "cpus": 0.75}
CHANGED = {"risk": RISK, "websocket": {"environment": {"LOG_LEVEL": "debug"}}}
STORES = ("nautilus-postgres", "nautilus-redis")
PORTS = (80, 3000, 3002, 5432, 6379, 8001, 8100, 8200, 8300, 8400, 8500, 8600, 8700, 8800, 8900)


def test_one_command_brings_all_up(nautilus_on_mac1: Run, mac1: Mac):
    text = nautilus_on_mac1.text
    assert f"{SERVICES}/{SERVICES} containers healthy" in text
    assert f"{ENDPOINTS}/{ENDPOINTS} endpoints answer with their own release" in text
    heading = ("service", "image", "cores", "CPU %", "memory", "health", "endpoint", "to healthy")
    assert re.search(" +".join(heading), text)
    measured = (
        r"nautilus-risk:m4max \w{12} +\S+ +[\d.]+ +[\d.]+ MiB of 2 GiB +healthy +200 in \d+ ms"
    )
    assert re.search(rf"risk +{measured} +[\d.]+ s", text)
    for page in PAGES:
        assert f"{page}: http://127.0.0.1:" in text
    containers = mac1.containers("nautilus").values()
    assert [each["State"]["Health"]["Status"] for each in containers] == ["healthy"] * SERVICES
    assert all(each["Config"]["Image"].endswith(":m4max") for each in containers)


def test_a_first_deployment_is_never_silent_for_long(nautilus_on_mac1: Run):
    assert 0 < nautilus_on_mac1.longest_silence_s < SILENCE_S
    # One line an event: where nobody looks on, nothing turns.
    assert "\r" not in nautilus_on_mac1.text
    assert "\033[K" not in nautilus_on_mac1.text


def test_a_first_deployment_writes_what_it_measured(nautilus_on_mac1: Run, first_report: Path):
    assert "report: reports/mac1/report.html" in nautilus_on_mac1.text
    report = Report.model_validate_json((first_report / "report.json").read_text())
    assert report.summary in nautilus_on_mac1.text
    assert report.timeline_is_now
    started = {span.name: span for span in report.timeline.of("start")}
    assert set(started) == set(STACK_SERVICES)
    for service in report.services:
        begun_s = started[service.name].begun_s
        assert all(started[need].ended_s <= begun_s for need in service.needs), service.name
    assert len(report.timeline.of("build")) > 10
    assert report.maps[1].services["risk"].cpuset == "7"
    page = (first_report / "report.html").read_text()
    assert all(f">{name}<" in page for name in STACK_SERVICES)


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_the_same_command_again_changes_nothing(nautilus: Project, mac1: Mac):
    before = mac1.evidence()
    again = nautilus.deploy(hosts="mac1")

    assert "no changes: nautilus:m4max" in again.text
    assert f"{SERVICES}/{SERVICES} containers healthy" in again.text
    assert mac1.evidence() == before
    report = Report.model_validate_json((ROOT / "reports/mac1/report.json").read_text())
    assert (report.changes, report.timeline_is_now) == ((), False)
    # The start-up that brought it here, from its record on the host.
    assert report.timeline.of("start")


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_a_recommendation_rests_on_what_prometheus_knows(nautilus: Project):
    file = ROOT / "reports/mac1/overrides.py"
    file.unlink(missing_ok=True)
    run = nautilus.run("recommend.py", "-y", hosts="mac1")
    # In a lab that has just begun little is known yet, and that is said of each service.
    left = dict(re.findall(r"^ +\[mac1\] (\S+): left alone, (.+)$", run.text, re.MULTILINE))
    found = set(runpy.run_path(str(file))["overrides"]) if file.exists() else set()
    assert (found | set(left), found & set(left)) == (set(STACK_SERVICES), set()), run.text
    why = r"there is no history of it|only \d minutes are known of it"
    assert [it for it in left.values() if not re.fullmatch(why, it.strip())] == []
    assert bool(found) == (run.status == 0)
    assert "Traceback" not in run.text


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_every_container_is_confined(mac1: Mac):
    containers = mac1.containers("nautilus")
    assert len(containers) == SERVICES
    for name, each in containers.items():
        host = each["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert not host["Devices"], name
        assert host["PidsLimit"] > 0, name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["LogConfig"]["Config"]["max-size"], name
        assert not any("docker.sock" in mount["Source"] for mount in each["Mounts"]), name
        # What runs, not what is written: init gives every process of the container.
        processes = mac1.docker("top", name, "-eo", "pid,uid").splitlines()[1:]
        owners = [line.split()[1] for line in processes]
        assert owners, name
        assert "0" not in owners, name


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_ports_are_bound_to_the_host_itself(mac1: Mac):
    bindings = [
        binding["HostIp"]
        for each in mac1.containers("nautilus").values()
        for bound in each["HostConfig"]["PortBindings"].values()
        for binding in bound
    ]
    assert bindings == ["127.0.0.1"] * SERVICES
    assert mac1.accepts(22)
    assert [port for port in PORTS if mac1.accepts(port)] == []


def test_secrets_are_files_on_the_host_and_nowhere_else(
    nautilus_on_mac1: Run, mac1: Mac, first_report: Path
):
    directory = "~/.drydock/nautilus/secrets"
    names = set(mac1.sh(f"ls {directory}").split())
    assert names == SECRETS
    values = {name: mac1.sh(f"cat {directory}/{name}") for name in names}
    assert all(len(value) == 40 for value in values.values())
    assert len(set(values.values())) == len(SECRETS)
    assert mac1.sh(f"ls -ld {directory}").startswith("drwx------")

    containers = mac1.containers("nautilus").values()
    images = sorted({each["Image"] for each in containers})
    places = {
        "docker inspect": json.dumps(list(containers)),
        "image inspect": mac1.docker("image", "inspect", *images),
        "image history": "".join(mac1.docker("history", "--no-trunc", it) for it in images),
        "release files": mac1.sh("cat ~/.drydock/nautilus/current/docker-compose.m4max.yml"),
        "all other files": mac1.sh("cd ~/.drydock/nautilus && cat $(find releases docker -type f)"),
        "container logs": "".join(mac1.docker("logs", each["Id"]) for each in containers),
        "the deploy's output": nautilus_on_mac1.text,
        "its report": "".join(it.read_text() for it in first_report.iterdir()),
    }
    assert [
        (place, name)
        for place, text in places.items()
        for name, value in values.items()
        if value in text
    ] == []


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_a_backup_has_every_database_and_shows_no_secret(
    nautilus: Project, mac1: Mac, tmp_path: Path
):
    key = tmp_path / "key"
    key.write_text(f"{'k' * 42}8=\n")
    key.chmod(0o600)
    before = mac1.identities("nautilus")
    said = {"key_file": str(key), "to": str(tmp_path)}
    run = nautilus.run("backup.py", "-y", hosts="mac1", **said)
    assert run.status == 0, run.text
    for service in ("postgres", "redis", "marketdata"):
        assert f"{service}: read back by" in run.text
    assert "not in the backup: volumes grafana-data, prometheus-data" in run.words
    assert mac1.identities("nautilus") == before

    (path,) = tmp_path.glob("nautilus-*.tar")
    archive = open_archive(str(path), read_key(str(key)))
    assert set(archive.secrets) == SECRETS
    content = path.read_bytes()
    assert [name for name, it in archive.secrets.items() if it.encode() in content] == []
    mac1.sh(f"rm -f ~/.drydock/nautilus/backups/{path.name}")


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_memory_and_cpus_are_applied_live(nautilus: Project, mac1: Mac):
    before = mac1.identities("nautilus")
    shown = nautilus.run("deploy.py", "--dry", hosts="mac1", overrides={"risk": RISK})
    assert "risk: memory 2 GiB → 3 GiB, applied live" in shown.text
    assert mac1.identities("nautilus") == before

    nautilus.deploy(hosts="mac1", overrides={"risk": RISK})
    host = mac1.containers("nautilus")["nautilus-risk-engine"]["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (3 * 2**30, 750_000_000)
    assert mac1.identities("nautilus") == before


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_one_service_changes_and_fifteen_stay_and_its_visitor_loses_nothing(
    nautilus: Project, lab: Lab, mac1: Mac, tmp_path: Path
):
    before = mac1.identities("nautilus")
    with in_its_network("visitor.py", nautilus, mac1, lab, tmp_path) as visitor:
        run = nautilus.deploy(hosts="mac1", overrides=CHANGED)
    after = mac1.identities("nautilus")

    assert "websocket: environment LOG_LEVEL none → debug: recreate" in run.text
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"nautilus-websocket-engine"}
    assert len(after) == SERVICES
    found = visitor.found
    assert found["connections"] > 1
    assert (found["missing"], found["doubled"], found["failed"]) == (0, 0, [])

    verified = nautilus.run("verify.py", "-y", hosts="mac1", overrides=CHANGED)
    assert verified.status == 0
    assert f"{ENDPOINTS}/{ENDPOINTS} endpoints answer" in verified.text


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_who_needs_a_store_finds_it_under_another_address(
    nautilus: Project, lab: Lab, mac1: Mac, tmp_path: Path
):
    before = addresses(mac1)
    mac1.docker("stop", *STORES)
    # The first to come gets the lowest address that is free: that of the other one.
    mac1.docker("start", STORES[before.index(max(before, key=ip_address))])
    run = nautilus.deploy(hosts="mac1", overrides=CHANGED)
    assert f"{ENDPOINTS}/{ENDPOINTS} endpoints answer" in run.text
    assert all(was != now for was, now in zip(before, addresses(mac1), strict=True))
    with in_its_network("visitor.py", nautilus, mac1, lab, tmp_path) as visitor:
        health = json.loads(mac1.sh("curl -fsS http://127.0.0.1:8001/health"))
    assert visitor.found["missing"] == 0
    assert health["status"] == "healthy"


def addresses(mac: Mac) -> list[str]:
    """Where the stores are in the stack's network."""
    network = "{{.NetworkSettings.Networks.nautilus.IPAddress}}"
    return mac.docker("inspect", "--format", network, *STORES).split()
