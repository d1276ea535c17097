"""What each service may use on a swarm, or why its nodes together can't hold the stack."""

from collections.abc import Sequence

from stack.errors import DrydockError
from stack.load import Inputs
from stack.model import Allocation, Daemon
from stack.planner.capacity import left_out, needed_bytes
from stack.planner.demands import demands_of, refuse_impossible
from stack.planner.fit import fit_cpus, fit_limits, fit_reservations
from stack.quantities import count, show_memory
from stack.swarm.placement import Node


def allocate_over(inputs: Inputs, nodes: Sequence[Node]) -> dict[str, Allocation]:
    """What each service may use: the largest fits the largest node, all fit the nodes together.

    DrydockError when they don't. No cpusets: Swarm has none (moby#33858).
    """
    stack, demands = inputs.stack, demands_of(inputs)
    cpus, memory_bytes = max(it.cpus for it in nodes), max(it.memory_bytes for it in nodes)
    largest = Daemon(cpus=cpus, memory_bytes=memory_bytes)
    whole = Daemon(cpus=cpus, memory_bytes=sum(it.memory_bytes for it in nodes))
    refuse_impossible(demands, largest, inputs.origins.file("overrides"))
    needs = needed_bytes(demands)
    if needs > whole.memory_bytes:
        without = ", ".join(left_out(stack, demands, whole))
        raise DrydockError(
            f"this stack needs at least {show_memory(needs)} of memory, and"
            f" {count(len(nodes), 'node')} together have {show_memory(whole.memory_bytes)}: give"
            f" their VMs more, add a Mac, or leave out {without}"
        )
    limits = fit_limits(demands, largest, overcommit=True)
    reservations = fit_reservations(demands, limits, whole)
    cpu_limits = fit_cpus(demands, largest)
    return {
        name: Allocation(
            cpuset=None,
            cpus=cpu_limits[name],
            memory_bytes=limits[name],
            reservation_bytes=reservations[name],
        )
        for name in demands
    }
