"""Whatever happens in the middle of a deploy: afterwards the same command converges."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from bench.leftovers import leftovers
from lab.faults import Faults, wrong_clock
from tests.stories.mac import Mac
from tests.stories.project import Project
from tests.stories.running_lab import Lab
from tests.stories.test_rollback import HEALTH, RELEASES, current

pytestmark = pytest.mark.lab
CONTAINERS = {f"harbour-{name}" for name in ("store", "tide", "pilot", "gate")}
CHANGED = {"tide": {"environment": {"GREETING": "spring tide"}}}
NEVER = {"test": ["false"], "retries": 100, "start_period_s": 60}
WAITS = "waiting for: pilot"


@pytest.fixture
def faults(lab: Lab, mac2: Mac) -> Faults:
    return Faults(lab.settings, mac2.state)


class Deploy:
    """A deploy of another greeting, in the middle of which something happens."""

    def __init__(self, project: Project, mac: Mac) -> None:
        self._project, self._mac = project, mac
        self.said = ""

    @contextmanager
    def reaches(
        self, words: str, overrides: dict[str, object] | None = None, **data: object
    ) -> Iterator[subprocess.Popen[str]]:
        """Start it and wait for its output to say this; at the end of the block it has failed."""
        said = {**CHANGED, **(overrides or {})}
        deploy = self._project.start("deploy.py", "-y", hosts="mac2", overrides=said, **data)
        assert deploy.stdout is not None
        for line in deploy.stdout:
            self.said += line
            if words in line:
                break
        else:
            raise AssertionError(f"it never said {words!r}:\n{self.said}")
        yield deploy
        rest, _ = deploy.communicate(timeout=120)
        self.said += rest
        assert deploy.returncode != 0, self.said
        assert "Traceback" not in self.said, self.said

    def converges(self, **data: object) -> None:
        """The same command, without what made it wait: all is as if nothing had happened."""
        # Where the network went, the host waits a while for a sign of who held its lock.
        again = {"hosts": "mac2", "overrides": CHANGED, "lock_wait_s": 90, **data}
        self._project.deploy(**again)
        assert "spring tide" in self._mac.sh(HEALTH)
        whole(self._mac)
        assert "no changes" in self._project.deploy(**again).text


def whole(mac: Mac) -> None:
    """Nothing is left of what broke off: no lock, file, stand-in, network, volume or mount."""
    docker = f"env DOCKER_HOST=unix://{mac.state.socket} {mac.state.cli}"
    assert mac.sh(leftovers("~/.drydock/harbour", docker, "harbour")) == ""
    found = mac.containers("harbour")
    assert set(found) == CONTAINERS
    assert {it["State"]["Health"]["Status"] for it in found.values()} == {"healthy"}
    networks = mac.docker("network", "ls", "--format", "{{.Name}}").split()
    assert [name for name in networks if "harbour" in name] == ["harbour"]


@pytest.fixture
def deploy(running: Project, mac2: Mac) -> Deploy:
    return Deploy(running, mac2)


WAITING = {"pilot": {"health": NEVER}}


def kill(process: subprocess.Popen[str], _faults: Faults) -> None:
    process.kill()


def interrupt(process: subprocess.Popen[str], _faults: Faults) -> None:
    process.send_signal(signal.SIGINT)


def cut(_process: subprocess.Popen[str], faults: Faults) -> None:
    faults.cut_connections()


def restart(_process: subprocess.Popen[str], faults: Faults) -> None:
    faults.restart_daemon(signal.SIGTERM)


def kill_daemon(_process: subprocess.Popen[str], faults: Faults) -> None:
    faults.restart_daemon(signal.SIGKILL)


def reboot(_process: subprocess.Popen[str], faults: Faults) -> None:
    faults.reboot()


def lose_the_network(process: subprocess.Popen[str], faults: Faults) -> None:
    with faults.without_network():
        process.wait(timeout=60)


@pytest.mark.parametrize(
    "happens", [kill, interrupt, cut, restart, kill_daemon, reboot, lose_the_network]
)
def test_a_start_that_breaks_off_is_ended_by_the_same_command(
    deploy: Deploy, faults: Faults, happens: Callable[[subprocess.Popen[str], Faults], None]
):
    with deploy.reaches(WAITS, WAITING) as process:
        happens(process, faults)
    deploy.converges()


def test_a_rollback_that_breaks_off_is_ended_by_the_same_command(running: Project, mac2: Mac):
    """Before its release is current; for a moment after that see test_rollback.py."""
    first = current(mac2)
    running.deploy(hosts="mac2", overrides=CHANGED)
    back = running.start("rollback.py", "-y", hosts="mac2", release=first)
    assert back.stdout is not None
    assert any("Make it current" in line for line in back.stdout)
    back.kill()
    back.communicate()
    again = running.run("rollback.py", "-y", hosts="mac2", release=first)
    assert again.status == 0, again.text
    assert current(mac2) == first
    assert "high water" in mac2.sh(HEALTH)
    whole(mac2)


def test_a_registry_that_goes_in_the_middle_of_a_pull(deploy: Deploy, faults: Faults, mac2: Mac):
    mac2.remove_stack("harbour")
    mac2.docker("image", "prune", "--all", "--force")
    mac2.docker("builder", "prune", "--all", "--force")
    with deploy.reaches("Pull images") as process, faults.without_registry():
        process.wait(timeout=60)
    assert "can't be pulled" in deploy.said, deploy.said
    deploy.converges()


def test_a_disk_that_fills_up_while_a_release_is_written(deploy: Deploy, faults: Faults, mac2: Mac):
    before, identities = current(mac2), mac2.identities("harbour")
    with faults.on_a_small_disk(mac2.sh("echo ~/.drydock"), 1 << 20) as disk:
        with deploy.reaches("Write the release", min_free_disk="512 KiB") as process, disk.full():
            process.wait(timeout=60)
        # SFTP has no word for a full disk: it arrives as a file that is shorter than what was sent.
        assert "size mismatch in put" in deploy.said, deploy.said
        assert (current(mac2), mac2.identities("harbour")) == (before, identities)
        deploy.converges(min_free_disk="512 KiB")


def test_a_disk_that_fills_up_while_an_image_is_built(
    running: Project, deploy: Deploy, faults: Faults
):
    dockerfile = "templates/images/tide.Dockerfile.j2"
    with faults.with_another_docker_disk(1 << 30) as disk:
        running.deploy(hosts="mac2", min_free_disk="1 MiB")
        running.edit(dockerfile, "USER", "RUN head -c 50000000 /dev/urandom >/srv/water\nUSER")
        begun = deploy.reaches("Take the lock", min_free_disk="1 MiB")
        with begun as process, disk.full(spare_bytes=20_000_000):
            process.wait(timeout=60)
        assert "no space left on device" in deploy.said.lower(), deploy.said
        deploy.converges(min_free_disk="1 MiB")


def test_a_container_that_the_kernel_kills_for_its_memory(
    running: Project, faults: Faults, mac2: Mac
):
    before = mac2.containers("harbour")["harbour-tide"]["RestartCount"]
    faults.out_of_memory("harbour-tide")
    since = ("--since", "2m", "--until", "0s", "--filter", "container=harbour-tide")

    def told() -> list[str]:
        return mac2.docker("events", *since, "--format", "{{.Action}}").split()

    def restarts() -> int:
        return int(mac2.containers("harbour")["harbour-tide"]["RestartCount"])

    # The daemon has it from the kernel, a moment later.
    until_it_is_so = Retrying(
        retry=retry_if_result(lambda so: not so), stop=stop_after_delay(60), wait=wait_fixed(0.2)
    )
    until_it_is_so(lambda: "oom" in told())
    until_it_is_so(lambda: restarts() > before)
    running.deploy(hosts="mac2")
    assert "high water" in mac2.sh(HEALTH)
    whole(mac2)


@pytest.mark.parametrize("file", ["docker-compose.m1.yml", "manifest.json"])
def test_a_half_written_file_is_written_again(running: Project, mac2: Mac, file: str):
    path = f"{RELEASES}/{current(mac2)}/{file}"
    content = mac2.sh(f"cat {path}")
    identities = mac2.identities("harbour")
    mac2.sh(f"head -c 100 {path} >{path}.half && mv {path}.half {path}")
    running.deploy(hosts="mac2")
    assert mac2.sh(f"cat {path}") == content
    assert mac2.identities("harbour") == identities


def test_a_half_written_record_is_written_again(running: Project, mac2: Mac):
    """Without it no rollback would lead to this release."""
    record = f"{RELEASES}/{current(mac2)}.json"
    mac2.sh(f"head -c 100 {record} >{record}.half && mv {record}.half {record}")
    run = running.deploy(hosts="mac2")
    assert "release: record, can't be read: verified and recorded" in run.text
    assert json.loads(mac2.sh(f"cat {record}"))["state"] == "good"
    assert "no changes" in running.deploy(hosts="mac2").text


@pytest.mark.parametrize("ahead", ["+1h", "-1h"])
def test_a_clock_that_is_an_hour_off(running: Project, mac2: Mac, ahead: str):
    """This machine's clock against the host's: what counts is the order, not the time."""
    elsewhen = Project(running.folder, running.inventory, {**os.environ, **wrong_clock(ahead)})
    first = current(mac2)
    elsewhen.deploy(hosts="mac2", overrides={"tide": {"environment": {"GREETING": "early"}}})
    assert "early" in mac2.sh(HEALTH)
    back = running.run("rollback.py", "-y", hosts="mac2")
    assert back.status == 0, back.text
    assert current(mac2) == first
    whole(mac2)


def test_pages_are_not_said_to_be_open_when_the_connection_is_lost(
    running: Project, faults: Faults
):
    opened = running.start("open.py", "-y", hosts="mac2")
    assert opened.stdout is not None
    assert any("open until Ctrl-C" in line for line in opened.stdout)
    faults.cut_connections()
    said, _ = opened.communicate(timeout=30)
    assert opened.returncode != 0
    assert "the connection is lost, and nothing is open any more" in said
