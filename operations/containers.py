"""Containers of a stack: created, changed in place, replaced, started, removed."""

from collections.abc import Generator, Mapping

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.detect import Detected
from link.daemon import daemon
from operations.docker_cli import compose, docker, run
from operations.health import ServiceFailedError
from operations.heat import Gate
from operations.refusal import refused, step
from operations.stand_in import StandIns
from operations.start import Starter, Startup
from stack.changes.change import Changes
from stack.model import Daemon
from stack.quantities import show_cores
from stack.release.render import Release
from stack.routing import router_of


@operation()
def update(
    release: Release, changes: Changes, detected: Detected
) -> Generator[PyinfraCommand, None, None]:
    """Give running containers their new CPUs, cores and memory, without a restart.

    + release: the map
    + changes: what differs
    + detected: the host

    Memory goes together with memory-swap, without which it can't be raised (moby#39541).
    """
    for service in changes.subjects("update"):
        allocation = release.map.services[service]
        yield docker(
            detected, "update",
            "--cpus", f"{allocation.cpus:g}",
            "--cpu-shares", str(allocation.cpu_shares),
            "--cpuset-cpus", allocation.cpuset or _every_core(detected.daemon),
            "--memory", str(allocation.memory_bytes),
            "--memory-swap", str(allocation.memory_bytes),
            "--memory-reservation", str(allocation.reservation_bytes),
            release.stack.container_name(service),
        )  # fmt: skip


def _every_core(daemon: Daemon) -> str:
    # An empty cpuset can't be set on a container that has one.
    return show_cores(tuple(range(daemon.cpus)))


@operation()
def remove(changes: Changes, detected: Detected) -> Generator[PyinfraCommand, None, None]:
    """Remove the stack's containers that are no longer in it; their volumes stay.

    + changes: what differs
    + detected: the host
    """
    for name in changes.subjects("remove"):
        yield docker(detected, "stop", name)
        yield docker(detected, "rm", name)


@operation()
def start(
    release: Release,
    changes: Changes,
    detected: Detected,
    startup: Startup,
    routers: Mapping[str, str],
    gate: Gate | None = None,
) -> Generator[PyinfraCommand, None, None]:
    """Create and start what is missing, changed or stopped, and wait until all is healthy.

    + release: what should run
    + changes: what differs
    + detected: the host
    + startup: takes what is measured on the way
    + routers: service that is replaced → who leads its requests to a stand-in meanwhile
    + gate: what a Mac's heat keeps waiting; None waits for nothing

    Phases follow each other; within one, a service starts as soon as its needs are healthy. What
    is replaced goes down only when its turn has come and its image is built.
    """
    if changes.of("create", "recreate", "start", "restart"):
        yield step(_start, release, changes, detected, startup, routers, gate)


def _start(
    host: Host,
    release: Release,
    changes: Changes,
    detected: Detected,
    startup: Startup,
    routers: Mapping[str, str],
    gate: Gate | None,
) -> bool:
    api = daemon(host, detected.runtime)
    waiting = set(changes.subjects("create", "recreate", "start", "restart"))
    starter = Starter(host, api, release, waiting, routers=routers, gate=gate)
    try:
        # With their needs, so that Compose's own hash holds: `compose up` by hand then agrees.
        create(host, release, detected, changes.subjects("create"), "--no-recreate")
    except ServiceFailedError as failure:
        return refused(host, str(failure))
    succeeded = starter.run(
        replaced=set(changes.subjects("recreate")),
        recreate=lambda group: create(
            host, release, detected, group, "--no-deps", "--force-recreate"
        ),
        startup=startup,
        standing_in=StandIns(host, api, detected, release, routers).for_services,
    )
    for service, seconds in startup.interruption_s.items():
        what = "its own port was" if service in routers else "it was"
        host.log(f"{service}: {what} away for {seconds:.1f} s")
    return succeeded


def create(
    host: Host, release: Release, detected: Detected, services: tuple[str, ...], *flags: str
) -> None:
    """Have Compose make containers, without starting them; ServiceFailedError when it can't."""
    if not services:
        return
    directory = f"{detected.directory}/releases/{release.id}"
    command = compose(
        detected, directory, release.compose_file,
        "up", "--no-start", "--no-build", "--pull", "never", *flags, *services,
    )  # fmt: skip
    run(host, command, f"containers can't be created: {', '.join(services)}", lines=20)


@operation()
def retire(
    release: Release, changes: Changes, detected: Detected
) -> Generator[PyinfraCommand, None, None]:
    """Lead requests to the services themselves again, and remove stand-ins that were left.

    + release: what runs, all of it healthy
    + changes: what differs
    + detected: the host
    """
    for service in changes.subjects("retire"):
        yield step(_retire, release, detected, service)


def _retire(host: Host, release: Release, detected: Detected, service: str) -> bool:
    router = router_of(release.stack, service)
    routers = {service: router} if router else {}
    try:
        StandIns(host, daemon(host, detected.runtime), detected, release, routers).retire(service)
    except ServiceFailedError as failure:
        return refused(host, str(failure))
    return True
