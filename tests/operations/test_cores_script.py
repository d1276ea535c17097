"""What keeps a swarm's containers on their cores, run for real by each POSIX shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stack.release.launchd import CORES
from tests.facts.conftest import executable, home, shell  # noqa: F401 - fixtures
from tests.operations.monitor_doubles import PROGRAMS

# A container is a file with its service, its id and its cores; "gone" is still listed.
DOCKER = """
echo "$*" >>"$DOUBLE/asked"
if [ -e "$DOUBLE/hangs" ]; then exec sleep 60; fi
if [ -e "$DOUBLE/away" ]; then echo "Cannot connect to the Docker daemon" >&2; exit 1; fi
cd "$DOUBLE/containers" || exit 1
case "$1 $2" in
'container ls')
    [ "$*" = "container ls --quiet --filter label=dev.drydock.swarm=harbour" ] || exit 64
    ls ;;
'container inspect')
    shift 4
    status=0
    for id; do
        if [ "$id" != gone ]; then cat "$id"
        else echo "Error response from daemon: No such container: $id" >&2; status=1; fi
    done
    exit $status ;;
'container update')
    if [ -e "$DOUBLE/refuses" ]; then echo "Error: Requested CPUs are not available" >&2; exit 1; fi
    [ "$3" = --cpuset-cpus ] || exit 64
    IFS='	' read -r service id cores <"$5"
    printf '%s\\t%s\\t%s\\n' "$service" "$id" "$4" >"$5" ;;
*) exit 64 ;;
esac
"""


class Node:
    """A swarm's node: its containers, and what the program did with them."""

    def __init__(self, home: Path, shell: list[str], executable) -> None:  # noqa: F811
        self.directory, self._shell, self._double = (
            home / ".drydock/harbour",
            shell,
            home / "double",
        )
        self.monitor = self.directory / "monitor"
        self.monitor.mkdir(parents=True)
        (self._double / "containers").mkdir(parents=True)
        for name in CORES:
            shutil.copy(PROGRAMS / name, self.monitor / name)
        self._docker = executable(home / "bin/docker", DOCKER)
        self.plans("pilot\t0,2\n", "store\t1-3\n")

    def plans(self, *lines: str) -> None:
        (self.monitor / "cores.tsv").write_text("".join(lines))

    def has(self, service: str, cores: str = "", identity: str = "") -> None:
        container = identity or f"{service}1"
        path = self._double / "containers" / container
        path.write_text(f"{service}\t{container}\t{cores}\n")

    def says(self, what: str) -> None:
        (self._double / what).touch()

    def unsays(self, what: str) -> None:
        (self._double / what).unlink()

    def look(self) -> None:
        """Run the program once, as launchd does."""
        environment = {
            "PATH": "/usr/bin:/bin",
            "DOUBLE": str(self._double),
            "directory": str(self.directory),
            "stack": "harbour",
            "docker_cli": str(self._docker),
        }
        done = subprocess.run(
            [*self._shell, str(self.monitor / CORES[-1])],
            check=False, env=environment, cwd="/", capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    @property
    def cores(self) -> dict[str, str]:
        """Container → its cores."""
        return {
            it.name: it.read_text().split("\t")[2].strip()
            for it in (self._double / "containers").iterdir()
        }

    @property
    def updates(self) -> int:
        """How often a container was changed."""
        return (self._double / "asked").read_text().count("container update")

    @property
    def events(self) -> list[str]:
        """The log's lines without their times."""
        path = self.directory / "logs/cores.log"
        lines = path.read_text().splitlines() if path.exists() else []
        assert all(len(it.split(" ")[0]) == len("2026-11-23T16:00:00Z") for it in lines)
        return [it.partition(" ")[2] for it in lines]


@pytest.fixture
def node(home, executable):  # noqa: F811
    return Node(home, ["dash"], executable)


def test_every_shell_gives_cores_back(shell, home, executable):  # noqa: F811
    node = Node(home, shell, executable)
    node.has("pilot")
    node.has("store", "1-3")
    node.has("tide")
    node.look()
    assert node.cores == {"pilot1": "0,2", "store1": "1-3", "tide1": ""}
    node.has("store", "0")
    node.look()
    node.look()
    assert node.cores["store1"] == "1-3"
    assert node.updates == 2
    assert node.events == ["pilot: cores all -> 0,2", "store: cores 0 -> 1-3"]
    assert {it.name for it in node.monitor.iterdir()} == {*CORES, "cores.tsv", "troubles"}


def test_both_containers_of_a_rolling_update_get_them(node):
    node.has("pilot", identity="before")
    node.has("pilot", identity="after")
    node.look()
    assert node.cores == {"before": "0,2", "after": "0,2"}


def test_one_that_ended_meanwhile_hides_no_other_and_is_no_trouble(node):
    node.has("pilot", identity="gone")
    node.has("store")
    node.look()
    assert node.cores["store1"] == "1-3"
    assert node.events == ["store: cores all -> 1-3"]


def test_a_daemon_without_an_answer_is_told_once(node):
    node.has("pilot")
    node.says("away")
    node.look()
    node.look()
    node.unsays("away")
    node.look()
    node.look()
    assert node.events == [
        "daemon: no answer, so cores are left as they are: Cannot connect to the Docker daemon",
        "daemon: answers again",
        "pilot: cores all -> 0,2",
    ]


def test_a_daemon_that_never_answers_is_given_up(node):
    shared = node.monitor / "look.sh"
    shared.write_text(shared.read_text().replace("patience_s=20", "patience_s=1"))
    node.says("hangs")
    node.look()
    assert node.events == ["daemon: no answer, so cores are left as they are: no answer in 1 s"]


def test_cores_that_the_daemon_refuses_are_told_once(node):
    node.has("pilot")
    node.says("refuses")
    node.look()
    node.look()
    refused = "pilot: cores stay all, not 0,2: Error: Requested CPUs are not available"
    assert node.events == [refused]
    node.unsays("refuses")
    node.look()
    assert node.events == [refused, "pilot: cores all -> 0,2"]


def test_where_nothing_is_planned_nothing_is_changed(node):
    node.plans()
    node.has("pilot", "1")
    node.look()
    assert (node.cores, node.updates, node.events) == ({"pilot1": "1"}, 0, [])


def test_a_long_log_is_put_aside(node):
    (node.directory / "logs").mkdir()
    (node.directory / "logs/cores.log").write_text("x" * (1 << 20) + "\n")
    node.has("pilot")
    node.look()
    assert node.events == ["pilot: cores all -> 0,2"]
    assert (node.directory / "logs/cores.log.1").stat().st_size == (1 << 20) + 1
