"""Where each container runtime of a Mac puts its CLI, socket and plugins (from their own docs)."""

from dataclasses import dataclass
from pathlib import PurePosixPath as Path

from lab.process import LabError


@dataclass(frozen=True)
class Runtime:
    """Places of one runtime; `~` is the user's home. `context` is its docker context, if any."""

    name: str
    cli: str
    socket: str
    plugins: str
    application: str | None = None
    context: str | None = None

    def under(self, home: str, place: str) -> Path:
        """A place with its `~` resolved to this home."""
        return Path(place.replace("~", home, 1))


RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        Runtime(
            name="docker-desktop",
            cli="/usr/local/bin/docker",
            socket="~/.docker/run/docker.sock",
            plugins="~/.docker/cli-plugins",
            application="/Applications/Docker.app/Contents/Resources",
            context="desktop-linux",
        ),
        Runtime(
            name="orbstack",
            cli="/usr/local/bin/docker",
            socket="~/.orbstack/run/docker.sock",
            plugins="~/.docker/cli-plugins",
            application="/Applications/OrbStack.app/Contents/MacOS/xbin",
            context="orbstack",
        ),
        Runtime(
            name="colima",
            cli="/opt/homebrew/bin/docker",
            socket="~/.colima/default/docker.sock",
            plugins="/opt/homebrew/lib/docker/cli-plugins",
            context="colima",
        ),
        Runtime(
            name="rancher",
            cli="~/.rd/bin/docker",
            socket="~/.rd/docker.sock",
            plugins="~/.docker/cli-plugins",
            application="/Applications/Rancher Desktop.app/Contents/Resources/resources/darwin",
            context="rancher-desktop",
        ),
        Runtime(
            name="linux",
            cli="/usr/bin/docker",
            socket="/var/run/docker.sock",
            plugins="/usr/libexec/docker/cli-plugins",
        ),
    )
}


def runtime(name: str) -> Runtime:
    """The runtime of this name; LabError names the known ones."""
    if name not in RUNTIMES:
        raise LabError(f"runtime {name!r} is not one of {', '.join(RUNTIMES)}")
    return RUNTIMES[name]
