"""Find what a daemon lacks against its host, and what was fitted to it."""

from collections.abc import Callable, Iterable, Mapping

from stack.model import Allocation, Chip, Daemon, Finding
from stack.planner.demands import Demand
from stack.planner.place import stands_as_written
from stack.quantities import MIB, count, show_memory

MOST_OF_A_HOST = 0.9
"""A VM reports a little less than it was given, and macOS needs some: no finding above this."""


def shortfall_of(demands: Mapping[str, Demand], chip: Chip, daemon: Daemon) -> Iterable[Finding]:
    """Find a daemon smaller than its host; a warning if the stack asks for more than it has."""
    cores = sum(level.cores for level in chip.levels)
    asked_cpus = sum(demand.cpus for demand in demands.values())
    if daemon.cpus < cores:
        yield Finding(
            code="daemon_below_host_cpus",
            severity="warning" if asked_cpus > daemon.cpus else "info",
            message=f"the daemon has {count(daemon.cpus, 'CPU')} of {chip.name}'s {cores}, "
            f"and services ask for {asked_cpus:g}",
        )
    asked_bytes = sum(demand.memory_bytes for demand in demands.values())
    if daemon.memory_bytes < chip.memory_bytes * MOST_OF_A_HOST:
        yield Finding(
            code="daemon_below_host_memory",
            severity="warning" if asked_bytes > daemon.memory_bytes else "info",
            message=f"the daemon has {show_memory(daemon.memory_bytes)} of {chip.name}'s "
            f"{show_memory(chip.memory_bytes)}, and services ask for {show_memory(asked_bytes)}",
        )


def fitted_of(
    demands: Mapping[str, Demand], allocations: Mapping[str, Allocation], daemon: Daemon
) -> Iterable[Finding]:
    """Say what was scaled or planned instead of kept as written, and by how much."""
    given = [(name, demand, allocations[name]) for name, demand in demands.items()]
    limits = {name: (d.memory_bytes, a.memory_bytes) for name, d, a in given}
    reservations = {name: (_reservation(d), a.reservation_bytes) for name, d, a in given}
    cpus = {name: (d.cpus, a.cpus) for name, d, a in given}
    yield from _scaled("memory limit", limits, lambda size: show_memory(int(size)))
    yield from _scaled("reservation", reservations, lambda size: show_memory(int(size)))
    yield from _scaled("CPU limit", cpus, "{:g}".format)
    replaced = [
        name
        for name, demand in demands.items()
        if demand.cpuset and not stands_as_written(demand, daemon.cpus)
    ]
    if replaced:
        written_for = max(demands[name].written_for_cpus for name in replaced)
        yield Finding(
            code="fitted",
            severity="info",
            message=f"{count(len(replaced), 'cpuset')} written for {written_for} CPUs are planned "
            f"anew for this daemon's {daemon.cpus}: {', '.join(replaced)}",
        )


def _reservation(demand: Demand) -> int:
    if demand.reservation_bytes is None:
        return demand.memory_bytes // 2 // MIB * MIB
    return demand.reservation_bytes


def _scaled(
    noun: str, sizes: Mapping[str, tuple[float, float]], show: Callable[[float], str]
) -> Iterable[Finding]:
    """Say how many sizes came out lower than written, with the largest as the sample."""
    lower = {name: (written, given) for name, (written, given) in sizes.items() if given < written}
    if not lower:
        return
    name, (written, given) = max(lower.items(), key=lambda item: item[1][0])
    yield Finding(
        code="fitted",
        severity="info",
        message=f"{count(len(lower), noun)} of {len(sizes)} scaled down to fit this daemon, "
        f"the largest to {given / written:.0%}: {name} {show(written)} → {show(given)}",
    )
