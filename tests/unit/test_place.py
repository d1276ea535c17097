"""Cores that the planner chooses: what must hold of any map, and what a small change moves."""

import math
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.__main__ import load_groups
from stack.chips import parse_sysctl
from stack.model import Daemon
from stack.planner.demands import Demand
from stack.planner.findings import core_loads
from stack.planner.map import plan
from stack.planner.place import place
from stack.quantities import cores_of

PROJECT = Path(__file__).parents[2]
M4_MAX = parse_sysctl((PROJECT / "lab" / "macs" / "m4max.txt").read_text())
CLUSTERS = {
    "one": (4,),
    "m1": (4, 4),
    "m1pro": (4, 4, 2),
    "m4max": (5, 5, 4),
    "m6": (2, 4, 6),
    "m5max": (6, 6, 6),
    "m3ultra": (6, 6, 6, 6, 4, 4),
}


def clusters(name):
    sizes = CLUSTERS[name]
    return [tuple(range(sum(sizes[:i]), sum(sizes[: i + 1]))) for i in range(len(sizes))]


def demand(cpus, dedicated=False, cpuset=None, literal=()):
    return Demand(
        cpus=cpus,
        memory_bytes=2**30,
        reservation_bytes=None,
        cpuset=cpuset,
        dedicated=dedicated,
        pinned=True,
        workers=1,
        written_for_cpus=1,
        literal=frozenset(literal),
    )


def placed(cpus, groups, dedicated=(), **by_hand):
    demands = {name: demand(size, name in dedicated) for name, size in cpus.items()}
    demands |= {name: demand(1, cpuset=c, literal=["cpuset"]) for name, c in by_hand.items()}
    return place(demands, {name: it.cpus for name, it in demands.items()}, groups).cores


def loads(cpus, cores):
    total = {}
    for name, own in cores.items():
        for core in own:
            total[core] = total.get(core, 0) + cpus[name] / len(own)
    return total


def test_the_reports_demands_are_spread_over_14_cores_with_risk_alone():
    inputs = replace(load_groups(PROJECT / "group_data", "m4max"), core_map=None)
    planned = plan(inputs, M4_MAX, Daemon(cpus=14, memory_bytes=36 * 2**30))
    on_cores = core_loads(planned.services, 14)
    # 26.5 CPUs besides risk's on 13 cores are 2.04 at least; the report's own map has 4.5.
    assert max(on_cores) <= 2.2
    (own,) = cores_of(planned.services["risk"].cpuset)
    others = [it for name, it in planned.services.items() if name != "risk"]
    assert all(own not in cores_of(it.cpuset) for it in others)
    assert not [f for f in planned.findings if f.service == "risk" and "dedicated" in f.code]


def test_services_that_fit_side_by_side_get_as_many_cores_as_cpus():
    cores = placed({"a": 3, "b": 1.5, "c": 1, "d": 2}, clusters("m1"))
    assert {name: len(own) for name, own in cores.items()} == {"a": 3, "b": 2, "c": 1, "d": 2}
    assert len(set(sum(cores.values(), ()))) == 8


def test_services_of_an_overloaded_cluster_share_it_evenly():
    cpus = {"a": 1, "b": 1, "c": 1}
    cores = placed(cpus, [(0, 1)])
    assert max(loads(cpus, cores).values()) == pytest.approx(1.5, rel=0.01)


def test_wide_services_lie_in_a_row():
    cores = placed({"a": 2, "b": 3}, [tuple(range(6))])
    assert cores == {"b": (0, 1, 2), "a": (3, 4)}


def test_a_service_wider_than_a_cluster_spans_as_few_as_hold_it():
    (own,) = placed({"a": 7}, clusters("m4max")).values()
    assert len(own) == 7
    assert len({core // 5 for core in own}) == 2


@pytest.mark.parametrize(
    ("cpus", "sizes", "least"),
    [
        # No single step away from the busiest core helps in any of these.
        ((5.54, 4.56, 1.21, 1.04), (4, 4, 4), 1.138),
        ((5.07, 4.93, 3.29, 2.82, 2.6, 1.58, 1.41, 1.36, 1.17), (4,) * 6, 1.049),
        ((6, 4, 4, 3, 3, 2, 1.5, 0.5, 0.5), (4,) * 6, 1.125),
    ],
)
def test_few_large_services_are_spread_nearly_as_well_as_can_be(cpus, sizes, least):
    groups = [tuple(range(sum(sizes[:i]), sum(sizes[: i + 1]))) for i in range(len(sizes))]
    cpus = {f"service-{number}": size for number, size in enumerate(cpus)}
    assert max(loads(cpus, placed(cpus, groups)).values()) <= 1.1 * least


def test_dedicated_cores_of_more_than_a_cluster_are_of_as_few_as_hold_them():
    cpus = {"risk": 4.24, "a": 3.68, "b": 3.43, "c": 2.85}
    cores = placed(cpus, [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11), (12, 13), (14, 15)], ["risk"])
    assert len(cores["risk"]) == 5
    assert len({min(core // 4, 3 + (core >= 14)) for core in cores["risk"]}) == 2


def test_dedicated_cores_are_the_last_unless_the_others_need_that_cluster():
    assert placed({"a": 1, "b": 1, "c": 1}, clusters("m1"), dedicated=["b"])["b"] == (7,)
    crowded = {"d": 1, "x": 4, "y": 4}
    assert placed(crowded, [(0, 1, 2, 3), (4, 5, 6, 7), (8,)], dedicated=["d"])["d"] == (8,)
    assert placed(crowded, [(0,), (1, 2, 3, 4), (5, 6, 7, 8)], dedicated=["d"])["d"] == (0,)


def test_what_is_on_cores_by_hand_is_planned_around():
    cores = placed({"a": 2, "b": 1}, clusters("one"), by_hand="1")
    assert cores == {"a": (0, 2), "b": (3,), "by_hand": (1,)}


sizes = st.integers(5, 600).map(lambda hundredths: hundredths / 100)
stacks = st.dictionaries(
    st.from_regex(r"[a-z]{1,3}", fullmatch=True), sizes, min_size=1, max_size=20
)


@settings(deadline=None, max_examples=50)
@given(stacks, st.sampled_from(sorted(CLUSTERS)), st.integers(0, 3))
def test_any_map_keeps_to_clusters_and_leaves_dedicated_cores_alone(stack, name, wanted_alone):
    groups = clusters(name)
    most = sum(CLUSTERS[name])
    cpus = {service: min(size, most) for service, size in stack.items()}
    dedicated = sorted(cpus)[:wanted_alone]
    cores = placed(cpus, groups, dedicated)
    shared_with = {
        n: {o for o in cores if o != n and set(cores[o]) & set(cores[n])} for n in dedicated
    }
    alone = {core for n in dedicated if not shared_with[n] for core in cores[n]}
    left = [set(group) - alone for group in groups]
    for service, own in cores.items():
        width = math.ceil(cpus[service])
        assert len(own) >= min(width, most - len(alone)) and set(own) <= set(range(most))
        if service not in dedicated and width <= max(map(len, left)):
            assert any(set(own) <= group for group in left)


@settings(deadline=None, max_examples=50)
@given(stacks, st.sampled_from(sorted(CLUSTERS)))
def test_a_map_is_the_same_each_time_and_in_any_order(stack, name):
    cpus = {service: min(size, sum(CLUSTERS[name])) for service, size in stack.items()}
    first = placed(cpus, clusters(name))
    assert placed(dict(reversed(cpus.items())), clusters(name)) == first


@pytest.mark.parametrize(("percent", "most_of_the_others"), [(2, 0.15), (10, 0.25)])
def test_a_small_change_of_one_demand_moves_few_others(percent, most_of_the_others):
    chance = Random(percent)
    moved = []
    for _ in range(80):
        name = chance.choice(sorted(CLUSTERS))
        most = sum(CLUSTERS[name])
        usual = (0.25, 0.5, 1, 1, 1.5, 2, 2, 3, 3, 4, 6)
        cpus = {f"s{i}": min(most, chance.choice(usual)) for i in range(chance.randint(8, 20))}
        changed = chance.choice(sorted(cpus))
        factor = 1 + chance.choice((-1, 1)) * percent / 100
        after = cpus | {changed: min(most, cpus[changed] * factor)}
        before, now = placed(cpus, clusters(name)), placed(after, clusters(name))
        moved.append(mean(before[n] != now[n] for n in cpus if n != changed))
    assert mean(moved) <= most_of_the_others
    assert sum(share == 0 for share in moved) >= len(moved) / 3
