"""Choose cores for services whose cpuset is not written, or is written for a larger daemon."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from stack.planner.board import FULL, Board, Task, width_of
from stack.planner.clusters import Cores
from stack.planner.demands import Demand
from stack.planner.divide import divide
from stack.planner.steady import arrange
from stack.quantities import cores_of

CLEARLY = 1.03
"""Times less load, for which dedicated services get other cores than the last."""
CHOICES = 12
"""How many ways to set dedicated services apart are looked at."""
GLANCE = 10
"""Attempts of a first look at what a choice would give."""


@dataclass(frozen=True)
class Placement:
    """The cores of each service, and whose were chosen here rather than written."""

    cores: Mapping[str, Cores | None]
    planned: frozenset[str]
    board: Board | None
    """The arrangement of the services that share cores, if any was made."""


def place(
    demands: Mapping[str, Demand], cpus: Mapping[str, float], clusters: Sequence[Cores]
) -> Placement:
    """Choose cores: dedicated services get some of their own, the others share the rest evenly.

    + cpus: what each service gets, which is its load
    + clusters: the daemon's cores, in groups that a service should not leave
    """
    all_cores = [core for cluster in clusters for core in cluster]
    written = {n: d.cpuset for n, d in demands.items() if stands_as_written(d, len(all_cores))}
    chosen = {name: cores_of(cpuset) if cpuset else None for name, cpuset in written.items()}
    by_hand = any("cpuset" not in demands[name].literal for name in written)
    loads = dict.fromkeys(all_cores, 0.0)
    for name, own in chosen.items():
        for core in own or ():
            loads[core] += cpus[name] / len(own or ())

    to_place = [name for name in demands if demands[name].pinned and name not in chosen]
    to_place.sort(key=lambda name: (-cpus[name], name))
    to_dedicate = _affordable((name for name in to_place if demands[name].dedicated), cpus, loads)
    reserved = {c for n, own in chosen.items() if demands[n].dedicated for c in own or ()}
    alone, task = _set_apart(to_dedicate, to_place, cpus, clusters, loads, reserved)
    board = arrange(task) if task.cpus else None
    chosen |= alone
    if board:
        chosen |= {name: tuple(sorted(cores)) for name, cores in board.at.items()}

    taken = reserved.union(*alone.values())
    others = tuple(core for core in all_cores if core not in taken)
    keep_off = others if taken and others and not by_hand else None
    cores_by_name = {name: chosen.get(name, keep_off) for name in demands}
    return Placement(cores_by_name, planned=frozenset(demands.keys() - written), board=board)


def stands_as_written(demand: Demand, cores: int) -> bool:
    """Tell whether a demand's cpuset is kept: an override always, another where it fits."""
    if "cpuset" in demand.literal:
        return True
    return demand.cpuset is not None and demand.written_for_cpus <= cores


def _affordable(
    names: Iterable[str], cpus: Mapping[str, float], loads: Mapping[int, float]
) -> list[str]:
    """Choose who gets cores of its own: those that leave the others enough.

    Enough is three quarters of the cores, and no fewer than the widest of the others may use; or
    as many as all of them could use at once.
    """
    chosen: list[str] = []
    free, left = sum(not load for load in loads.values()), len(loads)
    for name in names:
        widths = [width_of(cpus[other]) for other in cpus if other != name and other not in chosen]
        keep = min(sum(widths), max(len(loads) - len(loads) // 4, *widths, 0))
        width = width_of(cpus[name])
        if width <= free and left - width >= keep:
            chosen.append(name)
            free, left = free - width, left - width
    return chosen


def _set_apart(
    dedicated: Sequence[str],
    to_place: Iterable[str],
    cpus: Mapping[str, float],
    clusters: Sequence[Cores],
    loads: Mapping[int, float],
    reserved: Collection[int],
) -> tuple[dict[str, Cores], Task]:
    """Choose the dedicated services' cores, and say what is left to arrange on the others.

    They get the last ones, since a Linux VM's interrupts land on its first, unless those of
    another cluster leave the others clearly better off.

    + reserved: cores that dedicated services have by hand
    """
    others = [name for name in to_place if name not in dedicated]
    widths = {name: width_of(cpus[name]) for name in dedicated}
    free = [tuple(core for core in cluster if not loads[core]) for cluster in clusters]
    best: tuple[dict[str, Cores], Task] | None = None
    least = 0.0
    for alone in islice(_choices(widths, free), CHOICES):
        task = _shared(others, cpus, clusters, loads, {*reserved, *sum(alone.values(), ())})
        peak = divide(task, GLANCE).peak if others and dedicated else 0.0
        if best is None or peak * CLEARLY < least:
            best, least = (alone, task), peak
        if least <= max(FULL, task.bound * CLEARLY):
            break
    if best is None:
        raise ValueError("a daemon without cores has no room for services")
    return best


def _choices(widths: Mapping[str, int], free: Sequence[Cores]) -> Iterable[dict[str, Cores]]:
    """Ways to give services cores of their own, the likeliest first.

    Clusters with as many free cores are alike.
    """
    if not widths:
        yield {}
        return
    name, width = next(iter(widths.items()))
    for own in _last_free(width, free):
        left = [tuple(core for core in cluster if core not in own) for cluster in free]
        for others in _choices({n: w for n, w in widths.items() if n != name}, left):
            yield {name: own, **others}


def _last_free(width: int, free: Sequence[Cores]) -> list[Cores]:
    """Ways to take so many free cores: the last ones of as few clusters as have them.

    All are taken of the larger clusters and the last ones of the smallest. Where no cluster has
    enough, another way is to use the smallest clusters up.
    """
    for number in range(1, len(free) + 1):
        unions = (it for it in combinations(free, number) if sum(map(len, it)) >= width)
        kinds = {tuple(sorted(map(len, union))): sorted(union, key=len) for union in unions}
        if kinds:
            pools = sorted(kinds.values(), key=lambda union: max(map(max, union)), reverse=True)
            if number > 1:
                pools.append(sorted(free, key=len, reverse=True))
            return [tuple(sorted(sum(pool, ())[-width:])) for pool in pools]
    return []


def _shared(
    names: Iterable[str],
    cpus: Mapping[str, float],
    clusters: Sequence[Cores],
    loads: Mapping[int, float],
    taken: Collection[int],
) -> Task:
    """What is to be arranged on the cores that nobody has for itself; on all if none is left."""
    left = [tuple(core for core in cluster if core not in taken) for cluster in clusters]
    left = [cluster for cluster in left if cluster] or list(clusters)
    base = {core: loads[core] for cluster in left for core in cluster}
    return Task({name: min(cpus[name], len(base)) for name in names}, tuple(left), base)
