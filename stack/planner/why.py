"""Say in words why a service got what it got: `python -m stack plan … --why ml`."""

from collections.abc import Iterable, Sequence

from stack.errors import DrydockError
from stack.load import Inputs
from stack.model import Allocation, Chip, Daemon, Map
from stack.origins import suggest
from stack.planner.board import width_of
from stack.planner.clusters import Cores, clusters_of
from stack.planner.demands import Demand, demands_of
from stack.planner.findings import core_loads
from stack.planner.place import stands_as_written
from stack.quantities import cores_of, count, show_cores, show_memory


def why(name: str, inputs: Inputs, chip: Chip, daemon: Daemon, planned: Map) -> str:
    """Explain one service's cores, CPUs and memory; DrydockError if there is no such service."""
    demands, given = demands_of(inputs), planned.services
    if name not in given:
        raise DrydockError(f"--why {name}: unknown service; {suggest(name, given)}")
    demand, allocation = demands[name], given[name]
    cores = f"cores {allocation.cpuset}" if allocation.cpuset else "any core"
    if stands_as_written(demand, daemon.cpus):
        reasons = [_who_said(name, inputs, demand)]
    elif not demand.pinned:
        reasons = [_not_pinned(demands, allocation)]
    else:
        clusters = clusters_of(chip, daemon.cpus)
        reasons = list(_planned(name, demand, planned, clusters))
    return "\n".join(
        [
            f"{name} is on {cores}, with {allocation.cpus:g} CPUs and "
            f"{show_memory(allocation.memory_bytes)} of memory",
            *(f"- {reason}" for reason in [*reasons, *_sizes(demand, allocation, daemon)]),
        ]
    )


def _who_said(name: str, inputs: Inputs, demand: Demand) -> str:
    said = f"{demand.cpuset!r}" if demand.cpuset else "None"
    if "cpuset" in demand.literal:
        return f"{inputs.origins.file('overrides')}: overrides.{name}.cpuset = {said} is obeyed"
    key = "core_map" if inputs.core_map and name in inputs.core_map.services else "stack"
    return (
        f"{inputs.origins.file(key)}: {key}.services.{name}.cpuset = {said} is kept: "
        f"this daemon has the {demand.written_for_cpus} CPUs that it is written for"
    )


def _not_pinned(demands: dict[str, Demand], allocation: Allocation) -> str:
    if allocation.cpuset is None:
        return "it is not pinned: it asks for no cores of its own"
    alone = ", ".join(sorted(name for name, demand in demands.items() if demand.dedicated))
    return f"it is not pinned, so it may use all cores but those that {alone} has for itself"


def _planned(name: str, demand: Demand, planned: Map, clusters: Sequence[Cores]) -> Iterable[str]:
    """Explain cores that the planner chose."""
    given = planned.services
    own = cores_of(given[name].cpuset or "0")
    loads = core_loads(given, sum(map(len, clusters)))
    neighbours = [
        other
        for other, it in given.items()
        if other != name and it.cpuset and set(own) & set(cores_of(it.cpuset))
    ]
    width = width_of(given[name].cpus)
    yield f"{given[name].cpus:g} CPUs need {count(width, 'core')}"
    if demand.dedicated and not neighbours:
        yield (
            "it is dedicated: nothing else may use its cores, and they come last, where a Linux "
            "VM's interrupts land least, unless the others would be clearly worse off"
        )
        return
    home = [cluster for cluster in clusters if set(own) & set(cluster)]
    if len(home) == 1:
        group = show_cores(home[0])
        yield f"it fits the group of cores {group}, which is as large as the chip's L2 clusters"
    else:
        yield f"no group of cores is large enough for it, so it spans {len(home)}"
    if len(own) > width:
        yield (
            f"it has {count(len(own) - width, 'core')} more, since a core would carry more than "
            "one CPU: then the wait is least where services share their cores evenly"
        )
    if neighbours:
        yield f"it shares its cores with {', '.join(neighbours)}"
    busiest = max(loads[core] for core in own)
    yield (
        f"its busiest core carries {busiest:.4g} CPUs, the map's busiest {max(loads):.4g}; on "
        f"average it is {sum(loads) / len(loads):.4g}"
    )
    yield from _elsewhere(given[name].cpus, own, loads, clusters, _alone(planned, clusters))


def _elsewhere(
    cpus: float,
    own: Cores,
    loads: Sequence[float],
    clusters: Sequence[Cores],
    alone: set[int],
) -> Iterable[str]:
    """Say what the cores of other groups would carry on average, were it moved there alone."""
    for cluster in clusters:
        left = [core for core in cluster if core not in alone]
        if len(left) >= width_of(cpus) and not set(own) & set(cluster):
            there = (sum(loads[core] for core in left) + cpus) / len(left)
            yield f"moved to {show_cores(tuple(left))}, cores there would carry {there:.4g} CPUs"


def _alone(planned: Map, clusters: Sequence[Cores]) -> set[int]:
    """Cores that carry one service only: nobody else may be moved there."""
    on: dict[int, int] = dict.fromkeys(sum(clusters, ()), 0)
    for allocation in planned.services.values():
        for core in cores_of(allocation.cpuset) if allocation.cpuset else ():
            on[core] += 1
    return {core for core, services in on.items() if services == 1}


def _sizes(demand: Demand, allocation: Allocation, daemon: Daemon) -> Iterable[str]:
    """Explain CPUs and memory where they are not simply as written."""
    if allocation.cpus < demand.cpus:
        yield f"{demand.cpus:g} CPUs are asked for: this daemon's {daemon.cpus} can't give them"
    if allocation.memory_bytes < demand.memory_bytes:
        written, memory = show_memory(demand.memory_bytes), show_memory(daemon.memory_bytes)
        yield f"{written} of memory are asked for: all limits are scaled to a daemon with {memory}"
    yield (
        f"{show_memory(allocation.reservation_bytes)} are reserved: half of the limit unless said, "
        "and all reservations together within nine tenths of the daemon's memory"
    )
