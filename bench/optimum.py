"""How near the planner's maps come to the best there is, found by an exact solver.

The solver (OR-tools' CP-SAT) is given the same rules and nothing of the planner's own: a service
lies within one cluster if its CPUs fit there and else in as few as hold them, on at least as many
cores as its CPUs; dedicated cores carry nothing else, and lie where that is best.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path
from statistics import mean

from ortools.sat.python import cp_model

from bench.command import BenchError
from bench.random_stacks import Case, random_cases
from bench.result import Result, Target
from stack.planner.clusters import Cores
from stack.planner.place import place

STACKS = 1000
EFFORT, MORE_EFFORT = 1, 20
"""What the solver may spend on one model, in its own deterministic unit of time."""
UNITS_PER_CPU = 2520
"""CPUs are whole numbers to the solver: this many to one, so that small fractions stay exact."""
FULL = 1.0
LOOKS = ((1.02, EFFORT), (1.05, MORE_EFFORT))
"""Times a bound, above which it is looked at more closely, and with how much effort."""
MOST_MEAN, MOST_WORST = 1.02, 1.10


def optimum(_: Path, rounds: int) -> Result:
    """Compare the planner with the solver on every chip, `rounds` random stacks in all."""
    ratios: dict[str, list[float]] = {}
    for case in random_cases(rounds):
        ratios.setdefault(case.chip, []).append(ratio_to_best(case))
    everything = [ratio for each in ratios.values() for ratio in each]
    return Result(
        "optimum",
        f"busiest core of {len(everything)} random stacks against the best there is; worst by chip",
        {chip: [max(each)] for chip, each in sorted(ratios.items())},
        (
            Target("planner / optimum, mean", mean(everything), MOST_MEAN),
            Target("planner / optimum, worst", max(everything), MOST_WORST),
        ),
    )


def ratio_to_best(case: Case) -> float:
    """The largest load of the planner's map over the least there is.

    Where no core is more than busy, a service has as many cores as CPUs, and the least is that of
    such maps; else it may have more, and the least is at least a busy core's.
    """
    cores = _planned(case)
    alone = {name for name in case.dedicated if not _neighbours(name, cores)}
    shared = {name: cpus for name, cpus in case.cpus.items() if name not in alone}
    if not shared:
        return 1.0
    peak = max(_loads(shared, cores).values())
    taken = [math.ceil(case.cpus[name]) for name in alone]
    left = set(_without(taken, tuple(len(it) for it in case.clusters)))
    if peak > FULL + 1e-9:
        best = max(FULL, min(least_load(shared, sizes) for sizes in left))
        widest = max(math.ceil(cpus) for cpus in shared.values())
        for near, effort in LOOKS if widest > max(map(max, left)) else ():
            if peak > best * near:
                exact = (least_on_cores(shared, it, peak, wider=True, effort=effort) for it in left)
                best = max(best, min(exact))
        return peak / best
    # No map is below its tallest service.
    tallest = max(cpus / math.ceil(cpus) for cpus in shared.values())
    if peak <= tallest + 1e-9:
        return 1.0
    best = min(least_on_cores(shared, sizes, peak, wider=False) for sizes in left)
    if best == math.inf:
        # No map that narrow reaches it: services were widened so that no core is over full.
        return 1.0
    return peak / best


def least_load(cpus: Mapping[str, float], sizes: Sequence[int]) -> float:
    """The least that the busiest core of clusters of these sizes can carry, however wide the sets.

    Cores of a cluster carry alike here, which is more than a map can always do: the planner is
    compared with something at least as good as the best map.
    """
    model = cp_model.CpModel()
    most = model.new_int_var(0, 10**7, "largest load")
    loads: list[list[cp_model.LinearExprT]] = [[] for _ in sizes]
    for name, amount in cpus.items():
        options = _divisions(sizes, math.ceil(amount))
        chosen = [model.new_bool_var(f"{name} by {option}") for option in options]
        model.add_exactly_one(chosen)
        for it, option in zip(chosen, options, strict=True):
            for cluster, part in option:
                loads[cluster].append(it * math.floor(part * round(amount * UNITS_PER_CPU)))
    for size, each in zip(sizes, loads, strict=True):
        model.add(sum(each) <= size * most)
    return _solved(model, most)


def least_on_cores(
    cpus: Mapping[str, float],
    sizes: Sequence[int],
    enough: float,
    *,
    wider: bool,
    effort: float = EFFORT,
) -> float:
    """The same core by core, where a service loads all its cores alike.

    + enough: a load that can be reached
    + wider: whether a service may have more cores than CPUs, rounded up
    """
    model = cp_model.CpModel()
    most = model.new_int_var(0, math.ceil(enough * UNITS_PER_CPU) + len(cpus), "largest load")
    core_of = [(cluster, core) for cluster, size in enumerate(sizes) for core in range(size)]
    loads: dict[tuple[int, int], list[cp_model.LinearExprT]] = {core: [] for core in core_of}
    for name, amount in cpus.items():
        width = math.ceil(amount)
        rooms = _rooms(sizes, width)
        chosen = [model.new_bool_var(f"{name} in {room}") for room in rooms]
        model.add_exactly_one(chosen)
        widest = max(sum(sizes[cluster] for cluster in room) for room in rooms)
        widths = range(width, widest + 1 if wider else width + 1)
        of_width = [model.new_bool_var(f"{name} on {number} cores") for number in widths]
        model.add_exactly_one(of_width)
        for number, it in zip(widths, of_width, strict=True):
            on = {core: model.new_bool_var(f"{name} on {core} of {number}") for core in core_of}
            for core, lies_there in on.items():
                within = [c for c, room in zip(chosen, rooms, strict=True) if core[0] in room]
                model.add(sum(within) >= lies_there)
                loads[core].append(lies_there * math.floor(amount / number * UNITS_PER_CPU))
            model.add(sum(on.values()) == number * it)
    for cluster, size in enumerate(sizes):
        # Cores of a cluster are alike: only one order of them need be looked at.
        for index in range(size - 1):
            model.add(sum(loads[cluster, index]) >= sum(loads[cluster, index + 1]))
    for each in loads.values():
        model.add(sum(each) <= most)
    return _solved(model, most, effort)


def _solved(model: cp_model.CpModel, most: cp_model.IntVar, effort: float = EFFORT) -> float:
    """The least load, or one below it that is proven when its effort is spent; infinite if none."""
    model.minimize(most)
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = effort
    solver.parameters.num_workers = 1
    if solver.solve(model) == cp_model.INFEASIBLE:
        return math.inf
    return solver.best_objective_bound / UNITS_PER_CPU


def _planned(case: Case) -> dict[str, Cores]:
    cores = place(case.demands, case.cpus, case.clusters).cores
    return {name: own for name, own in cores.items() if own}


def _loads(names: Mapping[str, float], cores: Mapping[str, Cores]) -> dict[int, float]:
    loads: dict[int, float] = {}
    for name, amount in names.items():
        for core in cores[name]:
            loads[core] = loads.get(core, 0.0) + amount / len(cores[name])
    return loads


def _neighbours(name: str, cores: Mapping[str, Cores]) -> list[str]:
    return [it for it, own in cores.items() if it != name and set(own) & set(cores[name])]


def _rooms(sizes: Sequence[int], width: int) -> list[tuple[int, ...]]:
    """The clusters, alone or as few together as hold it, where a service may lie."""
    for number in range(1, len(sizes) + 1):
        unions = combinations(range(len(sizes)), number)
        if rooms := [it for it in unions if sum(sizes[cluster] for cluster in it) >= width]:
            return rooms
    raise BenchError(f"{width} cores are asked for, and there are {sum(sizes)}")


def _divisions(sizes: Sequence[int], width: int) -> list[tuple[tuple[int, Fraction], ...]]:
    """Ways to divide a service between clusters: which part of it each of them carries."""
    found: dict[tuple[tuple[int, Fraction], ...], None] = {}
    for room in _rooms(sizes, width):
        for counts in product(*(range(1, sizes[cluster] + 1) for cluster in room)):
            if len(room) == 1 or sum(counts) >= width:
                parts = (Fraction(each, sum(counts)) for each in counts)
                found[tuple(zip(room, parts, strict=True))] = None
    return list(found)


def _without(widths: Sequence[int], sizes: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    """Sizes of the clusters after dedicated services took their cores, in every way there is."""
    if not widths:
        yield tuple(sorted(size for size in sizes if size))
        return
    first, *others = widths
    whole = [index for index, size in enumerate(sizes) if size >= first]
    for index in whole:
        left = (*sizes[:index], sizes[index] - first, *sizes[index + 1 :])
        yield from _without(others, left)
    if not whole:
        # It spans clusters: core by core.
        yield from _without([*[1] * first, *others], sizes)
