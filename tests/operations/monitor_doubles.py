"""A Mac to observe: scripted doubles of the Docker CLI and of notifyutil, and the real monitor."""

import shutil
import subprocess
from pathlib import Path

from stack.release.launchd import MONITOR

PROGRAMS = Path(__file__).parents[2] / "templates/monitor"
MIB = 2**20
DOCKER = """
echo "$*" >>"$DOUBLE/asked"
if [ -e "$DOUBLE/hangs" ]; then exec sleep 60; fi
if [ -e "$DOUBLE/away" ]; then
    echo "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?" >&2
    exit 1
fi
case "$1 $2" in
'container inspect')
    shift 4
    status=0
    for name; do
        if [ -e "$DOUBLE/containers/$name" ]; then cat "$DOUBLE/containers/$name"
        else echo "Error response from daemon: No such container: $name" >&2; status=1; fi
    done
    exit $status ;;
'container update')
    if [ -e "$DOUBLE/refuses" ]; then echo "Error response from daemon: no" >&2; exit 1; fi
    echo "$5" ;;
'stats --no-stream')
    shift 4
    for name; do cat "$DOUBLE/usage/$name"; done ;;
'info --format') echo 16777216000 ;;
esac
"""
NOTIFYUTIL = '[ -e "$DOUBLE/level" ] && echo "$2 $(cat "$DOUBLE/level")"'


class Observed:
    """One Mac's directory, what its doubles say, and what the monitor wrote."""

    def __init__(self, home: Path, shell: list[str], awk: list[str], executable) -> None:
        self.directory = home / ".drydock/harbour"
        self.monitor, self.logs = self.directory / "monitor", self.directory / "logs"
        self._shell, self._double, self._bin = shell, home / "double", home / "bin"
        for folder in (self.monitor, self.directory / "current", self._bin):
            folder.mkdir(parents=True)
        for folder in ("containers", "usage"):
            (self._double / folder).mkdir(parents=True)
        for name in MONITOR:
            shutil.copy(PROGRAMS / name, self.monitor / name)
        executable(self._bin / "docker", DOCKER)
        executable(self._bin / "notifyutil", NOTIFYUTIL)
        executable(self._bin / "awk", f'exec {" ".join(awk)} "$@"')
        self.says("level", 0)
        for service in ("tide", "pilot"):
            self.container(service)
            self.uses(service)
        lines = ("tide\tharbour-tide\tlatency\t0.3", "pilot\tharbour-pilot\tthroughput\t0.4")
        (self.directory / "current/services.tsv").write_text("".join(f"{it}\n" for it in lines))

    def says(self, what: str, value: object = "") -> None:
        (self._double / what).write_text(f"{value}\n")

    def unsays(self, what: str) -> None:
        (self._double / what).unlink()

    def container(
        self, service, state="running", health="healthy", restarts=0, cpus=0.4, identity="a1",
        cores="",
    ) -> None:  # fmt: skip
        nano_cpus = round(cpus * 1e9)
        fields = (
            service, f"/harbour-{service}", state, health, restarts, 96 * MIB, nano_cpus, identity,
            cores,
        )  # fmt: skip
        self.says(f"containers/harbour-{service}", "|".join(map(str, fields)))

    def uses(self, service, cpu_percent=4.0, memory="48MiB") -> None:
        said = f"harbour-{service}|{cpu_percent:.2f}%|{memory} / 96MiB"
        self.says(f"usage/harbour-{service}", said)

    def look(self, **variables: str) -> None:
        """Run the monitor once, as launchd does."""
        environment = {
            "PATH": f"{self._bin}:/usr/bin:/bin",
            "DOUBLE": str(self._double),
            "directory": str(self.directory),
            "docker_cli": str(self._bin / "docker"),
            "min_free_kib": "1",
            "DOCKER_HOST": "unix:///x",
            "DOCKER_CONFIG": "/x",
            **variables,
        }
        done = subprocess.run(
            [*self._shell, str(self.monitor / "monitor.sh")],
            check=False,
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    @property
    def asked(self) -> list[str]:
        """What the Docker CLI was asked, oldest first."""
        path = self._double / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def events(self, log: str) -> list[str]:
        """A log's lines without their times."""
        path = self.logs / f"{log}.log"
        lines = path.read_text().splitlines() if path.exists() else []
        assert all(len(it.split(" ")[0]) == len("2026-11-23T16:00:00Z") for it in lines)
        return [it.partition(" ")[2] for it in lines]

    @property
    def metrics(self) -> dict[str, float]:
        """Samples of the metrics file by name and labels."""
        lines = (self.monitor / "metrics.prom").read_text().splitlines()
        samples = (it.rsplit(" ", 1) for it in lines if not it.startswith("#"))
        return {name: float(value) for name, value in samples}

    def age(self, log: str, size: int) -> None:
        """Make a log as long as that."""
        self.logs.mkdir(exist_ok=True)
        (self.logs / f"{log}.log").write_text("x" * size)
