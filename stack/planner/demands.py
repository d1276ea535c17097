"""What each service asks for: its map entry where there is one, its own data otherwise."""

from collections.abc import Iterable, Mapping

from stack.core_map import MapEntry
from stack.errors import DrydockError
from stack.fields import Data
from stack.load import Inputs
from stack.model import Daemon, Service
from stack.quantities import MIB, cores_of, show_cores, show_memory

MINIMUM_DAEMON_BYTES = 512 * MIB


class Demand(Data):
    """What one service asks for, and how binding that is."""

    cpus: float
    memory_bytes: int
    reservation_bytes: int | None
    working_set_bytes: int = 0
    """What it can't do its work without; 0: not said."""
    cpuset: str | None
    dedicated: bool
    pinned: bool
    """Whether it gets planned cores when its cpuset is not said, or can't be used."""
    workers: int
    written_for_cpus: int
    """CPUs of the daemon that its cpuset was written for."""
    literal: frozenset[str]
    """Fields that are obeyed exactly, or refused."""


def demands_of(inputs: Inputs) -> dict[str, Demand]:
    """Resolve, for each service: an override first, then the core map, then the stack."""
    entries = inputs.core_map.services if inputs.core_map else {}
    return {
        name: _demand(inputs, service, entries.get(name), inputs.literal.get(name, frozenset()))
        for name, service in inputs.stack.services.items()
    }


def _demand(
    inputs: Inputs, service: Service, entry: MapEntry | None, literal: frozenset[str]
) -> Demand:
    by_hand = inputs.core_map if entry else None
    cpus, memory, cpuset = service.cpus, service.memory, service.cpuset
    reservation, dedicated = service.reservation, service.dedicated
    if entry:
        cpus = cpus if "cpus" in literal else entry.cpus
        memory = memory if "memory" in literal else entry.memory
        cpuset = cpuset if "cpuset" in literal else entry.cpuset
        dedicated = dedicated if "dedicated" in literal else entry.dedicated
        if "reservation" not in literal and entry.reservation is not None:
            reservation = entry.reservation
    return Demand(
        cpus=cpus,
        memory_bytes=memory,
        reservation_bytes=reservation,
        working_set_bytes=min(service.working_set or 0, memory),
        cpuset=cpuset,
        dedicated=dedicated,
        pinned=service.pinned or dedicated or cpuset is not None,
        workers=service.workers,
        written_for_cpus=by_hand.cpus if by_hand else inputs.stack.sized_for.cpus,
        literal=literal,
    )


def refuse_impossible(demands: Mapping[str, Demand], daemon: Daemon, origin: str) -> None:
    """Raise one DrydockError with all that overrides ask for and this daemon can't give.

    + origin: the file, or other place, that said the overrides
    """
    problems = [
        f"{origin}: overrides.{name}.{problem}"
        for name, demand in demands.items()
        for problem in _impossible(demand, daemon)
    ]
    reserved = {
        n: d.reservation_bytes or 0 for n, d in demands.items() if "reservation" in d.literal
    }
    if sum(reserved.values()) > daemon.memory_bytes:
        problems.append(
            f"{origin}: overrides: reservations of {', '.join(reserved)} add to "
            f"{show_memory(sum(reserved.values()))}: this daemon has "
            f"{show_memory(daemon.memory_bytes)}; lower them"
        )
    if daemon.memory_bytes < MINIMUM_DAEMON_BYTES:
        problems.append(
            f"this daemon has {show_memory(daemon.memory_bytes)} of memory: "
            f"give its VM {show_memory(MINIMUM_DAEMON_BYTES)} or more"
        )
    if problems:
        raise DrydockError("\n".join(problems))


def _impossible(demand: Demand, daemon: Daemon) -> Iterable[str]:
    if "cpus" in demand.literal and demand.cpus > daemon.cpus:
        yield f"cpus = {demand.cpus:g}: this daemon has {daemon.cpus} CPUs; lower it"
    if "memory" in demand.literal and demand.memory_bytes > daemon.memory_bytes:
        yield (
            f"memory = {show_memory(demand.memory_bytes)}: this daemon has "
            f"{show_memory(daemon.memory_bytes)}; lower it"
        )
    beyond = any(core >= daemon.cpus for core in cores_of(demand.cpuset or "0"))
    if "cpuset" in demand.literal and beyond:
        cores = show_cores(tuple(range(daemon.cpus)))
        yield f"cpuset = {demand.cpuset!r}: this daemon has cores {cores}; write some of these"
