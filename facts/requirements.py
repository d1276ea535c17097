"""What a host must have before anything on it changes, and what to say when it doesn't."""

from collections.abc import Collection, Iterable, Mapping

from facts.ports import UNKNOWN, Listener
from facts.runtime import Attempt, Daemon, RuntimeInfo
from facts.tools import ToolsInfo
from stack.changes.adopt import foreign, maker
from stack.changes.change import Changes
from stack.changes.observed import Observed
from stack.errors import DrydockError
from stack.load import Inputs
from stack.model import Chip
from stack.quantities import show_memory
from stack.release.render import Release

MIN_API = (1, 44)
"""Docker 25: the first with a health check's start interval."""


def refuse_chip(inputs: Inputs, chip: Chip) -> None:
    """Refuse a host that is not what its group says."""
    wanted = inputs.chip_wanted
    if wanted is None or (chip.tag == wanted and not chip.virtual):
        return
    what = f"{chip.name}, a virtual machine" if chip.virtual else f"{chip.name} ({chip.tag})"
    raise DrydockError(
        f"{inputs.origins.place('chip')} = {wanted!r}, but this host has {what}:"
        " put it into the group of its own chip in the inventory"
    )


def require_daemon(found: RuntimeInfo, is_mac: bool) -> Daemon:
    """The daemon to use; refuse a host where none answers, or one that is too old."""
    daemon = found.daemon
    if daemon is not None:
        version = tuple(int(part) for part in daemon.api_version.split(".") if part.isdecimal())
        if version < MIN_API:
            raise DrydockError(
                f"Docker {daemon.version} (API {daemon.api_version}) is too old: Drydock needs"
                " Docker 25 or later (API 1.44); update it on this host"
            )
        if daemon.os != "linux":
            raise DrydockError(f"the daemon runs {daemon.os} containers: switch it to Linux")
        return daemon
    if not found.attempts and not found.installed:
        raise DrydockError(
            "no Docker on this host: install Docker Desktop, OrbStack, Colima or Rancher Desktop,"
            " or say docker_cli and docker_socket in the host's data"
            + (
                "; on a Mac with Homebrew vm.py can install Colima (ensure_docker)"
                if is_mac
                else ""
            )
        )
    tried = "; ".join(
        f"{each.docker_socket} ({each.runtime}) {_outcome(each)}" for each in found.attempts
    )
    remedy = "start it, then run again"
    if is_mac and found.console_user in ("", "root"):
        remedy += "; nobody is logged in at this Mac's screen, and Docker Desktop needs that"
    what = tried or f"{', '.join(found.installed)} found, but no socket"
    raise DrydockError(f"the Docker daemon doesn't answer: {what}; {remedy}")


def _outcome(attempt: Attempt) -> str:
    said = {"silent": "doesn't answer", "no-cli": "has no Docker CLI", "failed": "fails"}
    words = said.get(attempt.outcome, attempt.outcome)
    return f"{words}: {attempt.message}" if attempt.message else words


def refuse_links(tools: ToolsInfo) -> None:
    """Refuse a host where links lie in the place of Drydock's own files."""
    if tools.links:
        raise DrydockError(
            f"{', '.join(tools.links)}: a link, and Drydock would write where it leads to;"
            " remove it, or put there what it leads to"
        )


def refuse_tools(tools: ToolsInfo, changes: Changes, needed_bytes: int) -> None:
    """Refuse a host whose Docker lacks Compose v2 or buildx, or whose disk is full."""
    refuse_links(tools)
    if not tools.compose_version or int(tools.compose_version.split(".")[0]) < 2:
        found = f"version {tools.compose_version}" if tools.compose_version else "none"
        raise DrydockError(
            f"Docker Compose v2 is needed, found {found}: install the docker-compose plugin"
        )
    builds = bool(changes.of("build"))
    if builds and not tools.buildx_version:
        raise DrydockError("buildx is needed to build images, found none: install the plugin")
    if builds and tools.free_bytes is not None and tools.free_bytes < needed_bytes:
        raise DrydockError(
            f"too little disk: {show_memory(tools.free_bytes)} free, building needs"
            f" {show_memory(needed_bytes)}; free some, or lower min_free_disk in the host's data"
        )


def refuse_names(release: Release, observed: Observed) -> None:
    """Refuse to take over containers that somebody else made under the stack's names."""
    for existing in foreign(release.stack, observed).values():
        name = existing.name
        raise DrydockError(
            f"container {name} exists already, made by {maker(existing)} and not by Drydock:"
            f" rename it (docker rename {name} {name}-former) and stop it, then run again; or let"
            " Drydock take over all such containers and their data, so that one command leads back"
            " to them: --data adopt=true"
        )


def refuse_node(stack: str, observed: Observed) -> None:
    """Refuse a host that runs the stack as a node of a swarm: both would write to its volumes."""
    if observed.in_swarm:
        raise DrydockError(
            f"runs {stack} as a node of a swarm: change it there with swarm.py, or remove it from"
            f" the swarm first (docker stack rm {stack})"
        )


def refuse_lost_secrets(release: Release, secrets: Iterable[str], volumes: Iterable[str]) -> None:
    """Refuse to generate a secret anew whose former value is in a volume's data.

    + secrets: names of those that the host has
    + volumes: names of the volumes that its daemon has
    """
    missing, kept = release.secrets() - set(secrets) - release.given.keys(), set(volumes)
    for name, service in release.stack.services.items():
        lost = missing & set(service.secrets)
        held = {release.stack.volume_name(volume) for volume in service.volumes} & kept
        if lost and held:
            raise DrydockError(
                f"{name}: secret {', '.join(sorted(lost))} is missing on this host, but volume"
                f" {', '.join(sorted(held))} holds data made with it: put the file with its"
                f" former value into ~/.drydock/{release.stack.name}/secrets (any value, where the"
                " data doesn't depend on it), or remove the volume if its data may go"
            )


def wanted_ports(release: Release, changes: Changes) -> dict[int, str]:
    """Host ports that containers to be created or started will take: port → service."""
    services = changes.subjects("create", "recreate", "start")
    ports = {name: release.stack.services[name].published_port for name in services}
    return {port: name for name, port in ports.items() if port}


_DAEMONS = (UNKNOWN, "docker-proxy", "com.docker.backend", "dockerd", "limactl", "ssh", "OrbStack")
"""What holds the ports of containers, as far as it can be told without being root."""
_LOST_PORT = (
    "; if no container has it, a daemon that was killed has lost one while it started"
    " (moby#25981), and gives the port back when it is restarted; on a Mac --data"
    " restart_docker=true does that"
)


def _may_be_daemon(listener: Listener) -> bool:
    # lsof shows nine letters of a name (lsof(8), +c).
    return any(name.startswith(listener.program) for name in _DAEMONS)


def lost_ports(
    release: Release,
    wanted: Mapping[int, str],
    listeners: Iterable[Listener],
    observed: Observed,
    published: Collection[int],
) -> frozenset[int]:
    """Ports that the daemon seems to hold for a container that it has lost (moby#25981).

    + published: those of all containers that run, whosever they are
    """
    held = _in_the_way(release, wanted, listeners, observed)
    return frozenset(it.port for it in held if _may_be_daemon(it) and it.port not in published)


def refuse_ports(
    release: Release,
    wanted: Mapping[int, str],
    listeners: Iterable[Listener],
    observed: Observed,
    lost: Collection[int] = (),
) -> None:
    """Refuse when another program holds a port that a new container needs.

    + lost: ports that the daemon gives back before they are needed
    """
    for listener in _in_the_way(release, wanted, listeners, observed):
        if listener.port not in lost:
            pid = f", pid {listener.pid}" if listener.pid else ""
            raise DrydockError(
                f"port {listener.port}, for {wanted[listener.port]}, is taken by"
                f" {listener.program}{pid} on {listener.address}: stop it, or give the service"
                f" another host_port (stack.services.{wanted[listener.port]}.host_port)"
                f"{_LOST_PORT if _may_be_daemon(listener) else ''}"
            )


def _in_the_way(
    release: Release,
    wanted: Mapping[int, str],
    listeners: Iterable[Listener],
    observed: Observed,
) -> list[Listener]:
    """Who holds a port that a new container needs, and isn't a container of this stack."""
    ours = {
        port
        for service in release.containers
        if (it := observed.containers.get(release.stack.container_name(service)))
        for port in it.held_ports
    }
    return [it for it in listeners if it.port in wanted and it.port not in ours]
