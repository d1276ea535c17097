"""One stack over two hosts on Docker Swarm: it converges, and it stays."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project, Run, login, write_inventory
from tests.stories.running_lab import Lab
from tests.stories.test_lock import held_by_anna

pytestmark = pytest.mark.lab
HERE = Path(__file__).parent
MIB = 2**20
LABEL = "dev.drydock.fleet.monitor"


@dataclass(frozen=True)
class Fleet:
    """Two hosts of other runtimes, and the project that is deployed to them as one."""

    project: Project
    macs: dict[str, Mac]
    inventory: Path

    def run(self, *options: str, **data: object) -> Run:
        return self.project.run(
            "swarm.py", *options, hosts=",".join(self.macs), inventory=self.inventory, **data
        )

    def containers(self) -> dict[str, tuple[Mac, str]]:
        """Service → where its container runs, and the container's id."""
        shown = '{{.ID}} {{.Label "dev.drydock.service"}} {{.Status}}'
        label = "label=dev.drydock.swarm=fleet"
        found = {}
        for mac in self.macs.values():
            for line in mac.docker("ps", "--filter", label, "--format", shown).splitlines():
                container, service, status = line.split(" ", 2)
                assert "(healthy)" in status, line
                assert service not in found, f"{service} runs twice"
                found[service] = (mac, container)
        return found


@pytest.fixture
def fleet(odd_lab: Lab, tmp_path: Path) -> Iterator[Fleet]:
    folder = shutil.copytree(HERE / "small", tmp_path / "fleet")
    project = Project(folder, ROOT / "lab/inventory.py", odd_lab.environment)
    project.edit("group_data/all.py", '"name": "harbour"', '"name": "fleet"')
    macs = {name: Mac(odd_lab.settings, odd_lab.hosts[name]) for name in ("mac1", "mac4")}
    # The lab's kernel has no ESP, without which no packet of an encrypted network arrives.
    hosts = [
        login(mac.state, swarm_address=mac.address, swarm_encryption=False) for mac in macs.values()
    ]
    yield Fleet(project, macs, write_inventory(tmp_path / "macs.py", {"swarm": hosts}))
    for mac in macs.values():
        mac.tries(f"DOCKER_HOST=unix://{mac.state.socket} {mac.state.cli} swarm leave --force")
        mac.docker("volume", "rm", "--force", "fleet-store-data")
        mac.remove_monitor("fleet")
        mac.sh("rm -rf ~/.drydock/fleet")


def test_a_stack_is_spread_over_two_hosts_and_stays(fleet: Fleet):
    first = fleet.run("-y", "-vvv")
    assert first.status == 0, first.text
    running = fleet.containers()
    assert running.keys() == {"store", "tide", "pilot", "gate"}
    assert running["gate"][0] is not running["tide"][0], "the network is tried between two hosts"
    assert _greeting(fleet) == "high water"
    mac, pilot = running["pilot"]
    has = mac.inspect(pilot)[0]["HostConfig"]
    assert (has["CpusetCpus"], has["SecurityOpt"]) == ("0", ["no-new-privileges=true"])
    assert has["Memory"] == 96 * MIB
    assert (has["NanoCpus"] / 1e9 or has["CpuQuota"] / has["CpuPeriod"]) == pytest.approx(0.3)
    _nothing_is_shown(fleet, first, running)

    again = fleet.run("-y")
    assert again.status == 0, again.text
    assert "no changes: fleet on 2 nodes" in again.text
    alone = fleet.project.run("deploy.py", "-y", hosts="mac1", inventory=fleet.inventory)
    assert alone.status != 0
    assert "runs fleet as a node of a swarm" in alone.words
    assert fleet.containers() == running
    _cores_are_kept(fleet, first, *running["pilot"])

    fleet.project.edit("group_data/all.py", '"high water"', '"low water"')
    _the_lock_of_another_is_respected(fleet, running)
    _the_new_one_starts_first(fleet, *running["tide"])
    _an_update_that_fails_goes_back(fleet)
    _one_that_left_joins_again(fleet)


def _nothing_is_shown(fleet: Fleet, run: Run, running: dict[str, tuple[Mac, str]]) -> None:
    """Neither the secret nor a join token is in what the run said, nor in what inspect shows."""
    mac, container = running["tide"]
    secret = mac.docker("exec", container, "cat", "/run/secrets/tide_token")
    manager = fleet.macs["mac1"]
    tokens = [manager.docker("swarm", "join-token", "--quiet", it) for it in ("worker", "manager")]
    inspected = manager.docker("service", "inspect", "fleet_tide")
    inspected += mac.docker("container", "inspect", container)
    assert len(secret) == 40
    for hidden in (secret, *tokens):
        assert hidden not in run.text + inspected


def _cores_are_kept(fleet: Fleet, first: Run, mac: Mac, pilot: str) -> None:
    """A host with launchd gives a container its cores back, unless that is switched off."""
    assert mac is fleet.macs["mac1"], "the other host has no launchd"
    assert "monitor: launchd agent, not on this host yet: installed" in first.words
    assert "no monitor: it runs under launchd, which this host doesn't have" in first.words
    mac.docker("update", "--cpuset-cpus", "0-1", pilot)
    _cores_are_back(mac, pilot)
    log = mac.sh("cat ~/.drydock/fleet/logs/cores.log")
    assert "Z pilot: cores 0-1 -> 0\n" in log + "\n"
    off = fleet.run("-y", monitor="off")
    assert off.status == 0, off.text
    assert "monitor: launchd agent, switched off: removed" in off.words
    assert mac.tries(f"launchctl print user/$(id -u)/{LABEL}").returncode == 113


@retry(stop=stop_after_delay(90), wait=wait_fixed(0.5), reraise=True)
def _cores_are_back(mac: Mac, container: str) -> None:
    # A look that goes on may have passed this container already: then it is the next one's.
    mac.sh(f"launchctl kickstart user/$(id -u)/{LABEL}")
    assert mac.inspect(container)[0]["HostConfig"]["CpusetCpus"] == "0"


def _the_lock_of_another_is_respected(fleet: Fleet, running: dict[str, tuple[Mac, str]]) -> None:
    """Who holds it on one Mac holds up all; none keeps a lock that it took before that one."""
    with held_by_anna(fleet.macs["mac4"], "fleet") as anna:
        refused = fleet.run("-y")
        anna.communicate("end\n")
    assert refused.status != 0
    assert "locked by anna@bridge, since 20" in refused.text
    assert fleet.containers() == running
    for mac in fleet.macs.values():
        assert mac.tries("test -d ~/.drydock/fleet/lock").returncode != 0


def _the_new_one_starts_first(fleet: Fleet, mac: Mac, former: str) -> None:
    """An update ends the former container when the new one is healthy, and both Macs know of it."""
    updated = fleet.run("-y")
    assert updated.status == 0, updated.text
    assert "environment changed: rolling update, start-first" in updated.words
    assert _greeting(fleet) == "low water"
    home, tide = fleet.containers()["tide"]
    assert home is mac
    old, new = (mac.inspect(it)[0]["State"] for it in (former, tide))
    assert new["StartedAt"] < old["FinishedAt"]
    for each in fleet.macs.values():
        begun, *_, ended = _last_run(each)
        assert begun["what"] == "a deploy to the swarm"
        assert ended["outcome"] == "good"


def _an_update_that_fails_goes_back(fleet: Fleet) -> None:
    """Swarm itself brings the former one back, which never ended; the run says so."""
    before = fleet.containers()["tide"]
    right, wrong = '"PORT": "18001",', '"PORT": "none",'
    fleet.project.edit("group_data/all.py", right, wrong)
    failed = fleet.run("-y")
    assert failed.status != 0
    assert "tide: its update failed, Swarm says rollback" in failed.words
    _runs_on(fleet, "tide", before)
    assert _greeting(fleet) == "low water"
    assert _last_run(fleet.macs["mac1"])[-1]["outcome"] == "failed"
    fleet.project.edit("group_data/all.py", wrong, right)


def _one_that_left_joins_again(fleet: Fleet) -> None:
    """A run joins a node anew that has left, and forgets what it was before."""
    manager, left = fleet.macs["mac1"], fleet.macs["mac4"]
    left.docker("swarm", "leave", "--force")
    _nodes_are(manager, ["Down", "Ready"])
    joined = fleet.run("-y")
    assert joined.status == 0, joined.text
    assert "mac4: join the swarm as worker" in joined.words
    assert "forget its former node" in joined.words
    _nodes_are(manager, ["Ready", "Ready"])
    assert fleet.containers().keys() == {"store", "tide", "pilot", "gate"}


@retry(stop=stop_after_delay(30), wait=wait_fixed(0.5), reraise=True)
def _runs_on(fleet: Fleet, service: str, before: tuple[Mac, str]) -> None:
    """A service has the container that it had; one that failed may not be cleared away yet."""
    assert fleet.containers()[service] == before


@retry(stop=stop_after_delay(60), wait=wait_fixed(0.5), reraise=True)
def _nodes_are(manager: Mac, states: list[str]) -> None:
    assert sorted(manager.docker("node", "ls", "--format", "{{.Status}}").split()) == states


def _greeting(fleet: Fleet) -> str:
    gate, container = fleet.containers()["gate"]
    answer = gate.docker("exec", container, "curl", "-fsS", "http://127.0.0.1:8080/tide")
    return str(json.loads(answer)["greeting"])


def _last_run(mac: Mac) -> list[dict[str, str]]:
    """The journal's events of the last run."""
    log = mac.sh("cat ~/.drydock/fleet/logs/events.jsonl")
    events = [json.loads(line) for line in log.splitlines()]
    return [it for it in events if it["run"] == events[-1]["run"]]
