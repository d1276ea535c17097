"""How long the planner computes: random stacks, and Nautilus on every recorded Mac."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from time import process_time

from bench.random_stacks import MACS, Case, random_cases
from bench.result import Result, Target
from stack.__main__ import load_groups
from stack.planner.every_chip import outcomes
from stack.planner.map import plan
from stack.planner.place import place

USUAL, MANY, MANY_CORES, MANY_STACKS = 16, 200, 32, 10
MOST_USUAL_MS, MOST_MANY_MS = 20, 1000
TIMES = 3
"""How often each map is made; the least of it is what it takes."""
SHOWN = 10


def planner(_: Path, rounds: int) -> Result:
    """Time the placing of `rounds` random stacks and a few large ones, and Nautilus' maps."""
    usual = _sorted_ms(map(_placing, random_cases(rounds, services=range(USUAL, USUAL + 1))))
    large = _sorted_ms(map(_placing, islice(_large(), MANY_STACKS)))
    own = _sorted_ms(
        partial(plan, found.inputs, found.chip, found.daemon)
        for found in outcomes(MACS, partial(load_groups, Path("group_data")))
        if found.map
    )
    return Result(
        "planner",
        f"CPU time of one map, ms: {len(usual)} random stacks, {len(large)} large ones, Nautilus on"
        f" {len(own)} Macs; a few of each, the slowest last",
        {
            f"{USUAL} services": _some(usual),
            f"{MANY} services on {MANY_CORES} cores": _some(large),
            "Nautilus": _some(own),
        },
        (
            Target(f"{USUAL} services, the slowest", usual[-1], MOST_USUAL_MS, "ms"),
            Target("Nautilus, the slowest", own[-1], MOST_USUAL_MS, "ms"),
            Target(f"{MANY} services, the slowest", large[-1], MOST_MANY_MS, "ms"),
        ),
    )


def _large() -> Iterable[Case]:
    stacks = random_cases(MANY_STACKS * 100, services=range(MANY, MANY + 1))
    return (case for case in stacks if case.cores == MANY_CORES)


def _placing(case: Case) -> Callable[[], object]:
    return partial(place, case.demands, case.cpus, case.clusters)


def _sorted_ms(maps: Iterable[Callable[[], object]]) -> list[float]:
    return sorted(min(_cpu_ms(make) for _ in range(TIMES)) for make in maps)


def _cpu_ms(make: Callable[[], object]) -> float:
    began = process_time()
    make()
    return (process_time() - began) * 1000


def _some(figures: list[float]) -> list[float]:
    """A few of them, evenly spread, the largest among them."""
    return figures[:: -max(1, len(figures) // SHOWN)][::-1]
