"""The planner against an exact solver, on a sample; `python -m bench optimum` takes a thousand."""

from statistics import mean

import pytest

from bench.optimum import least_load, least_on_cores, ratio_to_best
from bench.random_stacks import Case, random_cases

SAMPLE = 10


def test_random_stacks_are_near_the_best_there_is():
    ratios = [ratio_to_best(case) for case in random_cases(SAMPLE, seed=1, services=range(2, 7))]
    assert mean(ratios) <= 1.02
    assert max(ratios) <= 1.10


@pytest.mark.parametrize(
    ("cpus", "sizes", "least"),
    [
        ({"a": 3, "b": 3, "c": 3}, (5, 5), 1.2),
        ({"a": 1, "b": 1, "c": 1}, (2,), 1.5),
        ({"a": 4}, (2, 2), 1.0),
    ],
)
def test_the_solver_knows_small_stacks(cpus, sizes, least):
    assert least_load(cpus, sizes) == pytest.approx(least, abs=0.001)


def test_the_solver_knows_small_stacks_of_narrow_sets():
    cpus = {"a": 0.6, "b": 0.6, "c": 0.4, "d": 0.3}
    assert least_on_cores(cpus, (2,), 2, wider=False) == pytest.approx(1.0, abs=0.001)


def test_a_service_that_spans_clusters_loads_all_its_cores_alike():
    cpus = {"a": 3, "b": 2, "c": 1}
    assert least_load(cpus, (2, 2)) == pytest.approx(1.5, abs=0.001)
    assert least_on_cores(cpus, (2, 2), 3, wider=True) == pytest.approx(1.75, abs=0.001)


def test_a_map_that_is_not_the_best_has_a_ratio_above_one(monkeypatch):
    cpus = {"a": 1, "b": 1, "c": 1}
    case = Case("demo", ((0, 1),), cpus, frozenset())
    assert ratio_to_best(case) <= 1.01
    crowded = {"a": (0,), "b": (0,), "c": (1,)}
    monkeypatch.setattr("bench.optimum._planned", lambda _: crowded)
    assert ratio_to_best(case) == pytest.approx(2 / 1.5, abs=0.01)
