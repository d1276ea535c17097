"""Refuse a stack that a daemon's memory can't hold, and say which part of it would fit."""

from collections.abc import Mapping
from fractions import Fraction

from stack.errors import DrydockError
from stack.model import Daemon, Stack
from stack.planner.demands import Demand
from stack.planner.fit import MINIMUM_RESERVATION_BYTES, RESERVABLE, reservable_bytes
from stack.quantities import MIB, show_memory


def refuse_too_little(stack: Stack, demands: Mapping[str, Demand], daemon: Daemon) -> None:
    """Raise DrydockError if the working sets don't fit the daemon, with the set that does."""
    needs = needed_bytes(demands)
    if needs <= daemon.memory_bytes:
        return
    without = left_out(stack, demands, daemon)
    kept = ", ".join(name for name in demands if name not in without)
    fits = f"smallest service set that fits: {kept or 'none'} (without {', '.join(without)})"
    raise DrydockError(
        f"this stack needs at least {show_memory(needs)} of the daemon's memory, which has "
        f"{show_memory(daemon.memory_bytes)}: give its VM more; {fits}"
    )


def needed_bytes(demands: Mapping[str, Demand]) -> int:
    """The memory of the smallest daemon that holds all working sets, in whole MiB."""
    total = sum(map(_working_set, demands.values()))
    return -(-Fraction(total) / RESERVABLE // MIB) * MIB


def left_out(stack: Stack, demands: Mapping[str, Demand], daemon: Daemon) -> tuple[str, ...]:
    """The services that don't fit: the largest that no other needs, until the rest fits."""
    kept = dict(demands)
    while kept and sum(map(_working_set, kept.values())) > reservable_bytes(daemon):
        needed = {need for name in kept for need in stack.services[name].needs}
        free = kept.keys() - needed
        del kept[max(free, key=lambda name: (_working_set(kept[name]), name))]
    return tuple(name for name in demands if name not in kept)


def _working_set(demand: Demand) -> int:
    return max(demand.working_set_bytes, MINIMUM_RESERVATION_BYTES)
