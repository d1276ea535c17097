"""The maps that a report shows: what runs, and what there is to compare it with."""

from collections.abc import Mapping
from dataclasses import replace

from stack.core_map import CoreMap
from stack.load import Inputs
from stack.model import Allocation, Chip, Daemon
from stack.planner.findings import core_loads
from stack.planner.map import plan
from stack.quantities import cores_of
from stack.report.model import Place, ShownMap


def place_of(allocation: Allocation) -> Place:
    """What a service gets, as a report says it."""
    return Place(
        cpuset=allocation.cpuset, cpus=allocation.cpus, memory_bytes=allocation.memory_bytes
    )


def as_planned(found: Allocation, planned: Allocation, cpus: int) -> Allocation:
    """What a container has, with no cpuset where it has every core and none was planned.

    A container whose cpuset was taken away has one of every core: it can't be made empty.
    """
    every = found.cpuset is not None and len(cores_of(found.cpuset)) == cpus
    if planned.cpuset is None and every:
        return found.model_copy(update={"cpuset": None})
    return found


def shown_maps(
    running: Mapping[str, Allocation], inputs: Inputs | None, chip: Chip, daemon: Daemon
) -> tuple[ShownMap, ...]:
    """The map that runs, and beside it the one written by hand, or the planner's own without it.

    DrydockError where the planner can make none without it.

    + running: what the daemon says that the containers have
    + inputs: what the map was planned from; None: nothing is known of it
    """
    places = {name: place_of(it) for name, it in running.items()}
    source = "read from the containers, in this run"
    runs = _shown("What runs", source, chip, daemon.cpus, places)
    beside = _beside(runs, inputs, chip, daemon) if inputs and inputs.core_map else None
    return (runs, beside) if beside else (runs,)


def _beside(runs: ShownMap, inputs: Inputs, chip: Chip, daemon: Daemon) -> ShownMap | None:
    by_hand = inputs.core_map
    if by_hand is None:
        return None
    written = _by_hand(by_hand)
    if {name: it.cpuset for name, it in written.items()} != {
        name: it.cpuset for name, it in runs.services.items()
    }:
        said = f"{inputs.origins.file('core_map')}, as it is written there"
        return _shown("Written by hand", said, chip, by_hand.cpus, written)
    planned = plan(replace(inputs, core_map=None), chip, daemon)
    places = {name: place_of(it) for name, it in planned.services.items()}
    said = f"the planner's, without the map of {inputs.origins.file('core_map')} that runs"
    return _shown("Planned", said, chip, daemon.cpus, places)


def _by_hand(core_map: CoreMap) -> dict[str, Place]:
    return {
        name: Place(cpuset=entry.cpuset, cpus=entry.cpus, memory_bytes=entry.memory)
        for name, entry in core_map.services.items()
    }


def _shown(title: str, source: str, chip: Chip, cpus: int, places: dict[str, Place]) -> ShownMap:
    allocations = {
        name: Allocation(
            cpuset=it.cpuset, cpus=it.cpus, memory_bytes=it.memory_bytes, reservation_bytes=0
        )
        for name, it in places.items()
    }
    return ShownMap(
        title=title,
        source=source,
        cpus=cpus,
        services=places,
        levels=levels_counted(chip, cpus),
        core_loads=tuple(core_loads(allocations, cpus)),
    )


def levels_counted(chip: Chip, cpus: int) -> tuple[tuple[str, int], ...]:
    """Level → how many of a map's cores the planner counts to it, in the chip's order."""
    counted: list[tuple[str, int]] = []
    left = cpus
    for level in chip.levels:
        if left > 0:
            counted.append((level.name, min(level.cores, left)))
            left -= level.cores
    if left > 0:
        counted.append(("more than the chip has", left))
    return tuple(counted)
