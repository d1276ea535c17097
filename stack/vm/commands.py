"""How each runtime's VM is stopped, given a size and started, as words of commands.

Docker Desktop: `docker desktop stop` and `start`, from 4.37 (docs.docker.com/reference/cli/docker/
desktop); before, its application is told to quit and opened again. Its size is in a file.
Colima: `colima stop`, `colima start --cpu N --memory GiB`, which keeps all else that the profile's
colima.yaml says (its FAQ and cmd/start.go). OrbStack: `orb config set cpu N`, `memory_mib N`, which
count from the next start (orbstack/orbstack#2623: `Restart OrbStack with "orb stop" to apply`).
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from stack.quantities import MIB
from stack.vm.size import GIB, Size

Words = tuple[str, ...]
HOMEBREW_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
"""`ssh mac command` has no Homebrew on its PATH, where Colima looks for Lima and Docker."""
FORMULAE = ("colima", "docker", "docker-compose", "docker-buildx")
# Docker Desktop writes its settings when it quits: they are changed when it has. The pattern of
# pgrep is not found in the arguments of this script itself.
QUIT = """\
osascript -e 'quit app "Docker"' || exit 1
left=120
while pgrep -f '/[D]ocker.app/Contents/MacOS/com.docker.backend' >/dev/null; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || { echo 'Docker Desktop does not quit'; exit 1; }
    sleep 1
done"""


@dataclass(frozen=True)
class Commands:
    """Commands in the order in which they run; between `stop` and `start` files are written."""

    set: tuple[Words, ...] = ()
    stop: tuple[Words, ...] = ()
    start: tuple[Words, ...] = ()


def commands_of(runtime: str, program: str, socket: str, size: Size) -> Commands:
    """What gives a runtime's VM a size.

    + program: the runtime's own command; empty for a Docker Desktop without one
    + socket: its daemon's, which tells Colima's profile and where it keeps its own
    """
    if runtime == "colima":
        directory = PurePosixPath(socket).parent
        return Commands(
            stop=(colima(program, "stop", directory),),
            start=(colima(program, "start", directory, size),),
        )
    if runtime == "orbstack":
        memory_mib = None if size.memory_bytes is None else size.memory_bytes // MIB
        said = {"cpu": size.cpus, "memory_mib": memory_mib}
        return Commands(
            set=tuple((program, "config", "set", key, str(it)) for key, it in said.items() if it),
            stop=((program, "stop"),),
            start=((program, "start"),),
        )
    if program:
        return Commands(
            stop=((program, "desktop", "stop"),), start=((program, "desktop", "start"),)
        )
    return Commands(stop=(("sh", "-c", QUIT),), start=(("open", "-a", "Docker"),))


def colima(
    program: str, verb: str, directory: PurePosixPath | None, size: Size | None = None
) -> Words:
    """One of Colima's commands; its directory is PROFILE's below COLIMA_HOME, or the default."""
    environment: list[str] = [f"PATH={HOMEBREW_PATH}"]
    profile: list[str] = []
    if directory:
        environment.append(f"COLIMA_HOME={directory.parent}")
        profile = ["--profile", directory.name]
    options = []
    if size and size.cpus is not None:
        options += ["--cpu", str(size.cpus)]
    if size and size.memory_bytes is not None:
        options += ["--memory", str(size.memory_bytes // GIB)]
    return ("env", *environment, program, verb, *profile, *options)


def install_of(brew: str, size: Size) -> tuple[Words, ...]:
    """What gives a Mac without Docker Colima, by Homebrew, and starts it."""
    prefix = PurePosixPath(brew).parent
    quiet = ("NONINTERACTIVE=1", "HOMEBREW_NO_INSTALL_UPGRADE=1")
    return (
        ("env", f"PATH={HOMEBREW_PATH}", *quiet, brew, "install", *FORMULAE),
        colima(f"{prefix}/colima", "start", None, size),
    )
