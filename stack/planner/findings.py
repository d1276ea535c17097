"""Find what a map gets wrong, or what its reader would not expect."""

from collections.abc import Iterable, Mapping
from typing import Literal

from stack.model import Allocation, Chip, Daemon, Finding
from stack.planner.demands import Demand
from stack.planner.place import stands_as_written
from stack.planner.shortfall import fitted_of, shortfall_of
from stack.quantities import cores_of, count, show_cores, show_memory

Severity = Literal["warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("warning", "info")


def findings_of(
    demands: Mapping[str, Demand],
    allocations: Mapping[str, Allocation],
    chip: Chip,
    daemon: Daemon,
) -> tuple[Finding, ...]:
    """Compute all findings of a map, the gravest first."""
    found = [
        *_memory(allocations, chip, daemon),
        *_cores(allocations, daemon),
        *_each_service(demands, allocations, daemon),
        *_dedicated(demands, allocations, daemon),
        *shortfall_of(demands, chip, daemon),
        *fitted_of(demands, allocations, daemon),
    ]
    if any(a.cpuset for a in allocations.values()) and not chip.tag.startswith("linux-"):
        found.append(
            Finding(
                severity="info",
                code="cpuset_is_virtual",
                message="a cpuset chooses the VM's virtual CPUs, not P or E cores: "
                "it keeps neighbours' load away, and pins nothing to a P core",
            )
        )
    return tuple(sorted(found, key=lambda finding: SEVERITIES.index(finding.severity)))


def core_loads(allocations: Mapping[str, Allocation], cores: int) -> list[float]:
    """Add up the CPUs that cpusets put on each core, a service's spread evenly over its cores."""
    loads = [0.0] * cores
    for allocation in allocations.values():
        own = cores_of(allocation.cpuset) if allocation.cpuset else ()
        for core in own:
            loads[core] += allocation.cpus / len(own)
    return [round(load, 4) for load in loads]


def _memory(allocations: Mapping[str, Allocation], chip: Chip, daemon: Daemon) -> Iterable[Finding]:
    total = sum(allocation.memory_bytes for allocation in allocations.values())
    if total > daemon.memory_bytes:
        yield Finding(
            severity="warning",
            code="limits_exceed_memory",
            message=f"limits add to {show_memory(total)}, {total / daemon.memory_bytes:.1f} times "
            f"the daemon's {show_memory(daemon.memory_bytes)} ({chip.name} has "
            f"{show_memory(chip.memory_bytes)}): services that fill them together get killed",
        )


def _cores(allocations: Mapping[str, Allocation], daemon: Daemon) -> Iterable[Finding]:
    """Find cores that carry too much, and cores that carry nothing."""
    on_cores = {name: cores_of(a.cpuset) for name, a in allocations.items() if a.cpuset}
    if not on_cores:
        return
    loads = core_loads(allocations, daemon.cpus)
    used = tuple(core for core, load in enumerate(loads) if load)
    idle = tuple(core for core, load in enumerate(loads) if not load)
    busiest = max(used, key=lambda core: (loads[core], -core))
    overloaded = loads[busiest] > 1
    anywhere = len(allocations) - len(on_cores)
    if overloaded:
        names = ", ".join(sorted(name for name, cores in on_cores.items() if busiest in cores))
        contrast = f" while {_named(show_cores(idle))} carry none" if idle else ""
        message = f"core {busiest} carries {loads[busiest]:.4g} CPUs ({names}){contrast}"
        yield Finding(severity="warning", code="core_overloaded", message=message)
    total = sum(allocations[name].cpus for name in on_cores)
    if total > len(used):
        yield Finding(
            severity="warning",
            code="demand_exceeds_cores",
            message=f"services with a cpuset may use {total:.4g} CPUs on "
            f"{_named(show_cores(used))}, which give {len(used)}",
        )
    if idle:
        run = (
            f"only {count(anywhere, 'service')} without one can run" if anywhere else "nothing runs"
        )
        message = f"no service's cpuset has {_named(show_cores(idle))}: {run} there"
        yield Finding(
            severity="warning" if overloaded else "info", code="cores_unused", message=message
        )


def _each_service(
    demands: Mapping[str, Demand], allocations: Mapping[str, Allocation], daemon: Daemon
) -> Iterable[Finding]:
    for name, allocation in allocations.items():
        cores = len(cores_of(allocation.cpuset)) if allocation.cpuset else daemon.cpus
        if allocation.cpus > cores:
            yield Finding(
                severity="warning",
                code="cpus_exceed_cpuset",
                message=f"{name} may use {allocation.cpus:g} CPUs but its cpuset "
                f"{allocation.cpuset} has {count(cores, 'core')}: it gets {cores} at most",
                service=name,
            )
        if demands[name].workers > cores:
            yield Finding(
                severity="warning",
                code="workers_exceed_cores",
                message=f"{name} has {demands[name].workers} workers on {count(cores, 'core')}: "
                "they take turns",
                service=name,
            )


def _dedicated(
    demands: Mapping[str, Demand], allocations: Mapping[str, Allocation], daemon: Daemon
) -> Iterable[Finding]:
    """Find dedicated services that don't have their cores for themselves."""
    anywhere = [name for name, allocation in allocations.items() if not allocation.cpuset]
    for name in (name for name, demand in demands.items() if demand.dedicated):
        cpuset = allocations[name].cpuset
        own = set(cores_of(cpuset)) if cpuset else set(range(daemon.cpus))
        others = sorted(
            other
            for other, allocation in allocations.items()
            if other != name and allocation.cpuset and own & set(cores_of(allocation.cpuset))
        )
        if cpuset is None or (others and not stands_as_written(demands[name], daemon.cpus)):
            yield Finding(
                severity="warning",
                code="dedicated_impossible",
                message=f"{name} asks for cores of its own: this daemon with "
                f"{count(daemon.cpus, 'CPU')} can't spare any, so it shares",
                service=name,
            )
            continue
        if others:
            yield Finding(
                severity="warning",
                code="dedicated_core_shared",
                message=f"{name}'s dedicated {_named(cpuset)} also carries {', '.join(others)}",
                service=name,
            )
        if anywhere:
            yield Finding(
                severity="info",
                code="dedicated_core_open",
                message=f"{count(len(anywhere), 'service')} without a cpuset may run on {name}'s "
                f"dedicated {_named(cpuset)}: {', '.join(sorted(anywhere))}",
                service=name,
            )


def _named(cpuset: str) -> str:
    return f"core {cpuset}" if cpuset.isdecimal() else f"cores {cpuset}"
