"""Choose cores for services whose cpuset is not written, or is written for a larger daemon."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stack.demands import Demand
from stack.quantities import cores_of

Cores = tuple[int, ...]


@dataclass(frozen=True)
class Placement:
    """The cores of each service, and whose were chosen here rather than written."""

    cores: Mapping[str, Cores | None]
    planned: frozenset[str]


def place(demands: Mapping[str, Demand], cpus: Mapping[str, float], cores: int) -> Placement:
    """Choose cores: dedicated services first, then the largest load onto the least loaded cores.

    + cpus: what each service gets, which is its load
    + cores: how many the daemon has
    """
    written = {name: d.cpuset for name, d in demands.items() if stands_as_written(d, cores)}
    chosen = {name: cores_of(cpuset) if cpuset else None for name, cpuset in written.items()}
    by_hand = any("cpuset" not in demands[name].literal for name in written)
    loads = [0.0] * cores
    for name, own in chosen.items():
        _add_load(loads, own or (), cpus[name])

    to_place = sorted(
        (name for name in demands if demands[name].pinned and name not in chosen),
        key=lambda name: (-cpus[name], name),
    )
    to_dedicate = [name for name in to_place if demands[name].dedicated]
    alone = _dedicate(to_dedicate, cpus, loads)
    chosen |= alone

    taken = {core for name in chosen if demands[name].dedicated for core in chosen[name] or ()}
    others = [core for core in range(cores) if core not in taken] or list(range(cores))
    for name in (name for name in to_place if name not in alone):
        least = sorted(others, key=lambda core: (loads[core], core))[: _width(cpus[name])]
        chosen[name] = tuple(sorted(least))
        _add_load(loads, least, cpus[name])

    keep_off = tuple(others) if taken and len(others) < cores and not by_hand else None
    cores_by_name = {name: chosen.get(name, keep_off) for name in demands}
    return Placement(cores_by_name, planned=frozenset(demands.keys() - written))


def stands_as_written(demand: Demand, cores: int) -> bool:
    """Tell whether a demand's cpuset is kept: an override always, another where it fits."""
    if "cpuset" in demand.literal:
        return True
    return demand.cpuset is not None and demand.written_for_cpus <= cores


def _dedicate(
    names: Iterable[str], cpus: Mapping[str, float], loads: list[float]
) -> dict[str, Cores]:
    """Give services cores of their own while that leaves the others enough.

    Enough is three quarters of the cores, and no fewer than the widest of the others may use; or
    as many as all of them could use at once.
    """
    chosen: dict[str, Cores] = {}
    for name in names:
        widths = [_width(cpus[other]) for other in cpus if other != name and other not in chosen]
        keep = min(sum(widths), max(len(loads) - len(loads) // 4, *widths, 0))
        # Interrupts of a Linux VM land on its first cores: the last ones are the quietest.
        free = [core for core in range(len(loads)) if not loads[core]][-_width(cpus[name]) :]
        left = len(loads) - sum(map(len, chosen.values())) - len(free)
        if len(free) == _width(cpus[name]) and left >= keep:
            chosen[name] = tuple(free)
            _add_load(loads, free, cpus[name])
    return chosen


def _add_load(loads: list[float], cores: Iterable[int], cpus: float) -> None:
    own = tuple(cores)
    for core in own:
        loads[core] += cpus / len(own)


def _width(cpus: float) -> int:
    return max(1, math.ceil(cpus))
