"""The simulation of cores that services share."""

import pytest

from bench.contention import simulate, ways
from bench.queueing import Checks, Load, latencies_s, percentile

CHECKS = Checks(cores=(0,), workers=2, per_second=10)


def test_alone_on_a_core_a_request_takes_what_its_work_takes():
    found = latencies_s(CHECKS, [Load(2, (1, 2))], cpus=3, seconds=10)
    assert len(found) > 50
    assert percentile(found, 0.5) == pytest.approx(CHECKS.work_s)


def test_each_busy_neighbour_on_its_core_makes_it_wait_for_a_slice():
    waits = [
        percentile(latencies_s(CHECKS, [Load(1, (0,))] * neighbours, 1, 20), 0.5)
        for neighbours in (0, 1, 3)
    ]
    assert waits[0] < waits[1] < waits[2] < CHECKS.work_s + 4 * 0.003


def test_a_thread_goes_where_the_queue_is_shortest():
    free = Checks(cores=(0, 1), workers=1, per_second=10)
    found = latencies_s(free, [Load(1, (0,))], cpus=2, seconds=10)
    assert percentile(found, 0.5) == pytest.approx(free.work_s)


def test_a_service_takes_no_more_than_its_share():
    busy = latencies_s(CHECKS, [Load(0.1, (0,))], 1, 20)
    full = latencies_s(CHECKS, [Load(1.0, (0,))], 1, 20)
    assert sum(busy) / len(busy) < sum(full) / len(full)


def test_the_same_seed_gives_the_same_latencies():
    first, again, other = (latencies_s(CHECKS, [], 1, 5, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_planners_map_spares_risk_what_the_one_by_hand_makes_it_wait():
    found = {name: values[0] for name, values in simulate(2).items()}
    assert found["simulated, by hand: p99 ms"] > 20
    assert found["simulated, as planned: p99 ms"] < 4


def test_the_planner_sets_two_services_apart():
    checks, batch = ways()["as planned"]
    assert {checks, batch} == {"0", "1"}


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.99, 4), (0.25, 1)])
def test_a_percentile_is_one_of_the_values(share, value):
    assert percentile([4, 1, 3, 2], share) == value
