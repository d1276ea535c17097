"""Plan what each service gets on one host's daemon."""

from collections.abc import Mapping, Sequence

from stack.load import Inputs
from stack.model import CPU_SHARES, Allocation, Chip, Daemon, Map
from stack.planner.capacity import refuse_too_little
from stack.planner.clusters import Cores, clusters_of
from stack.planner.demands import Demand, demands_of, refuse_impossible
from stack.planner.findings import findings_of
from stack.planner.fit import fit_cpus, fit_limits, fit_reservations
from stack.planner.place import place
from stack.quantities import show_cores


def plan(inputs: Inputs, chip: Chip, daemon: Daemon) -> Map:
    """Plan the map of a host, with its findings; the same inputs give the same map.

    What is written is kept where the daemon can carry it, and fitted where it can't. DrydockError
    if an override asks for more than this daemon has.
    """
    demands = demands_of(inputs)
    refuse_impossible(demands, daemon, inputs.origins.file("overrides"))
    refuse_too_little(inputs.stack, demands, daemon)
    services = allocate(demands, daemon, clusters_of(chip, daemon.cpus), inputs.stack.overcommit)
    services = {
        name: it.model_copy(
            update={"cpu_shares": CPU_SHARES[inputs.stack.services[name].latency_class]}
        )
        for name, it in services.items()
    }
    return Map(services=services, findings=findings_of(demands, services, chip, daemon))


def allocate(
    demands: Mapping[str, Demand], daemon: Daemon, clusters: Sequence[Cores], overcommit: bool
) -> dict[str, Allocation]:
    """Turn demands into allocations, dimension by dimension."""
    limits = fit_limits(demands, daemon, overcommit)
    reservations = fit_reservations(demands, limits, daemon)
    cpus = fit_cpus(demands, daemon)
    placement = place(demands, cpus, clusters)
    allocations = {}
    for name, demand in demands.items():
        cores = placement.cores[name]
        planned = name in placement.planned
        cut = cores is not None and planned and "cpus" not in demand.literal
        allocations[name] = Allocation(
            cpuset=show_cores(cores) if cores is not None and planned else demand.cpuset,
            cpus=min(cpus[name], len(cores)) if cores is not None and cut else cpus[name],
            memory_bytes=limits[name],
            reservation_bytes=reservations[name],
        )
    return allocations
