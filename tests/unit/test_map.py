from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.__main__ import load_groups
from stack.errors import DrydockError
from stack.load import Inputs, load_stack
from stack.model import Chip, CoreLevel, Daemon
from stack.planner.map import plan
from stack.quantities import MIB, cores_of, memory_bytes

GROUP_DATA = Path(__file__).parents[2] / "group_data"
GIB = 2**30
# Machines are shared: how long one example takes says nothing.
UNHURRIED = settings(deadline=None)
CHIP = Chip(
    name="Apple M4 Max",
    tag="m4max",
    levels=(CoreLevel(name="Performance", cores=10), CoreLevel(name="Efficiency", cores=4)),
    memory_bytes=36 * GIB,
)
REPORT = {
    "postgres": (2, "8 GiB", None),
    "redis": (0.5, "1 GiB", None),
    "backend": (2, "4 GiB", None),
    "prometheus": (0.5, "2 GiB", None),
    "grafana": (0.5, "1 GiB", None),
    "risk": (1.0, "2 GiB", (7,)),
    "marketdata": (2.0, "4 GiB", (4, 5)),
    "websocket": (1.0, "3 GiB", (9,)),
    "analytics": (3.0, "6 GiB", (4, 5, 6)),
    "features": (2.0, "6 GiB", (5, 6)),
    "ml": (3.0, "10 GiB", (7, 8, 9)),
    "factor": (4.0, "12 GiB", (4, 5, 6, 8)),
    "strategy": (1.5, "4 GiB", (8,)),
    "portfolio": (3.0, "12 GiB", (6, 7, 8)),
    "frontend": (1, "2 GiB", None),
    "nginx": (0.5, "0.5 GiB", None),
}


def daemon(cpus, memory_gib):
    return Daemon(cpus=cpus, memory_bytes=int(memory_gib * GIB))


def stack(services, cpus=32, memory="192 GiB", overcommit=True):
    common = {"phase": "engines", "image": "redis:8.0", "health": {"test": ["true"]}}
    return {
        "name": "demo",
        "sized_for": {"cpus": cpus, "memory": memory},
        "overcommit": overcommit,
        "services": {name: common | fields for name, fields in services.items()},
    }


def inputs(services, overrides=None, **sized_for) -> Inputs:
    data = {"stack": stack(services, **sized_for), "overrides": overrides or {}}
    return load_stack(data, {"overrides": "inventory or --data"})


def service(cpus=1.0, memory="1 GiB", **fields):
    return {"cpus": cpus, "memory": memory, **fields}


def cores(planned, name):
    cpuset = planned.services[name].cpuset
    return cores_of(cpuset) if cpuset else None


@pytest.fixture(scope="module")
def m4max():
    return load_groups(GROUP_DATA, "m4max")


@pytest.mark.parametrize("cpus", [14, 16])
def test_a_daemon_that_can_carry_the_written_map_gets_it_exactly(m4max, cpus):
    planned = plan(m4max, CHIP, daemon(cpus, 35.24))
    got = {
        name: (allocation.cpus, allocation.memory_bytes, cores(planned, name))
        for name, allocation in planned.services.items()
    }
    assert got == {
        name: (cpus, memory_bytes(memory), cores) for name, (cpus, memory, cores) in REPORT.items()
    }


def test_reservations_of_the_written_map_fit_the_daemon(m4max):
    planned = plan(m4max, CHIP, daemon(14, 35.24))
    total = sum(allocation.reservation_bytes for allocation in planned.services.values())
    assert 0.88 * 35.24 * GIB < total <= 0.9 * 35.24 * GIB


def test_each_dimension_is_fitted_by_itself(m4max):
    planned = plan(m4max, CHIP, daemon(14, 8))
    assert cores(planned, "factor") == (4, 5, 6, 8)
    assert planned.services["factor"].cpus == 4
    assert planned.services["factor"].memory_bytes == int((8 * GIB - 8 * GIB // 20) / MIB) * MIB
    assert planned.services["ml"].memory_bytes == pytest.approx(7.6 * GIB * 10 / 12, abs=MIB)


@pytest.mark.parametrize("cpus", [1, 2, 3, 4, 8, 10, 13])
def test_a_smaller_daemon_gets_a_map_within_its_cores(m4max, cpus):
    planned = plan(m4max, CHIP, daemon(cpus, 24))
    for name, allocation in planned.services.items():
        assert all(core < cpus for core in cores(planned, name) or ())
        assert allocation.cpus <= cpus
    assert planned.services["factor"].cpus == min(4, cpus)
    assert cores(planned, "factor") is not None


def test_a_dedicated_service_gets_a_core_that_no_other_may_use(m4max):
    planned = plan(m4max, CHIP, daemon(8, 24))
    own = cores(planned, "risk")
    assert own == (7,)
    for name in planned.services.keys() - {"risk"}:
        assert 7 not in cores(planned, name)


def test_too_few_cores_leave_the_dedicated_service_sharing(m4max):
    planned = plan(m4max, CHIP, daemon(2, 24))
    assert cores(planned, "postgres") is None
    assert [f.service for f in planned.findings if f.code == "dedicated_impossible"] == ["risk"]


def test_cores_are_spared_when_every_service_has_enough_anyway():
    demo = inputs({"a": service(dedicated=True), "b": service()})
    planned = plan(demo, CHIP, daemon(2, 4))
    assert (cores(planned, "a"), cores(planned, "b")) == ((1,), (0,))


def test_a_wide_service_comes_first_and_ties_go_by_name():
    services = {name: service(cpus=1, pinned=True) for name in ("b", "a")}
    services["d"] = service(cpus=2, pinned=True)
    planned = plan(inputs(services), CHIP, daemon(4, 8))
    assert {n: cores(planned, n) for n in "abd"} == {"d": (0, 1), "a": (2,), "b": (3,)}


def test_a_cpuset_of_the_stack_is_kept_where_its_machine_fits():
    services = {"a": service(cpuset="2,3")}
    assert cores(plan(inputs(services, cpus=4), CHIP, daemon(4, 8)), "a") == (2, 3)
    assert cores(plan(inputs(services, cpus=4), CHIP, daemon(3, 8)), "a") == (0,)


def test_a_reservation_shrinks_with_its_limit():
    services = {"a": service(memory="16 GiB", reservation="8 GiB")}
    planned = plan(inputs(services), CHIP, daemon(4, 8))
    got = planned.services["a"]
    assert got.reservation_bytes == pytest.approx(got.memory_bytes / 2, abs=MIB)


def test_limits_add_to_the_daemons_memory_unless_the_stack_allows_more():
    services = {"a": service(memory="6 GiB"), "b": service(memory="3 GiB")}
    planned = plan(inputs(services, overcommit=False), CHIP, daemon(4, 8))
    a, b = (planned.services[name].memory_bytes for name in "ab")
    assert 0.99 * 7.6 * GIB < a + b <= 7.6 * GIB
    assert a == pytest.approx(2 * b, abs=4 * MIB)
    assert not [f for f in planned.findings if f.code == "limits_exceed_memory"]
    allowed = plan(inputs(services, overcommit=True), CHIP, daemon(4, 8))
    assert allowed.services["a"].memory_bytes == 6 * GIB
    (found,) = [f for f in allowed.findings if f.code == "limits_exceed_memory"]
    assert found.message.startswith("limits add to 9 GiB, 1.1 times the daemon's 8 GiB")


def test_no_service_gets_less_memory_than_its_working_set():
    services = {
        "a": service(memory="32 GiB", working_set="1 GiB"),
        "b": service(memory="4 GiB", working_set="3 GiB"),
    }
    for overcommit in (True, False):
        planned = plan(inputs(services, overcommit=overcommit), CHIP, daemon(4, 8))
        assert planned.services["b"].memory_bytes >= 3 * GIB
        assert planned.services["b"].reservation_bytes >= 3 * GIB
        assert sum(it.reservation_bytes for it in planned.services.values()) <= 0.9 * 8 * GIB


def test_a_stack_whose_working_sets_do_not_fit_is_refused_with_a_set_that_does():
    services = {
        "store": service(memory="4 GiB", working_set="2 GiB"),
        "app": service(memory="4 GiB", working_set="1 GiB", needs=("store",)),
        "batch": service(memory="4 GiB", working_set="1.5 GiB"),
    }
    with pytest.raises(DrydockError) as caught:
        plan(inputs(services), CHIP, daemon(4, 4))
    assert str(caught.value) == (
        "this stack needs at least 5 GiB of the daemon's memory, which has 4 GiB: give its VM "
        "more; smallest service set that fits: store, app (without batch)"
    )
    assert plan(inputs(services), CHIP, daemon(4, 5))


def test_a_service_that_others_need_is_not_left_out():
    services = {
        "store": service(memory="4 GiB", working_set="3 GiB"),
        "app": service(memory="4 GiB", working_set="1 GiB", needs=("store",)),
        "page": service(memory="4 GiB", working_set="1 GiB", needs=("app",)),
    }
    with pytest.raises(DrydockError, match=r"fits: store \(without app, page\)"):
        plan(inputs(services), CHIP, daemon(4, 4))


def test_overrides_are_obeyed_exactly_while_the_others_are_fitted():
    services = {"a": service(cpus=8, memory="16 GiB", pinned=True), "b": service(cpus=4)}
    said = {"a": {"cpus": 1.234, "memory": 7 * GIB + 1, "reservation": "5 GiB", "cpuset": "1"}}
    planned = plan(inputs(services, overrides=said), CHIP, daemon(2, 8))
    got = planned.services["a"]
    assert (got.cpus, got.memory_bytes, got.cpuset) == (1.234, 7 * GIB + 1, "1")
    assert got.reservation_bytes == 5 * GIB
    assert planned.services["b"].cpus == 2


def test_an_override_of_any_core_is_obeyed():
    services = {"a": service(pinned=True), "b": service(pinned=True)}
    planned = plan(inputs(services, overrides={"a": {"cpuset": None}}), CHIP, daemon(4, 8))
    assert (cores(planned, "a"), cores(planned, "b")) == (None, (0,))


def test_an_override_wins_over_the_written_map():
    data = {
        "stack": stack({"a": service(), "b": service()}),
        "core_map": {
            "cpus": 4,
            "services": {
                "a": {"cpus": 2, "memory": "2 GiB", "cpuset": "0"},
                "b": {"cpus": 2, "memory": "2 GiB", "cpuset": "1"},
            },
        },
        "overrides": {"a": {"cpuset": "3"}},
    }
    planned = plan(load_stack(data, {}), CHIP, daemon(4, 8))
    assert (cores(planned, "a"), cores(planned, "b")) == ((3,), (1,))
    assert planned.services["a"].cpus == 2


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"cpuset": "4-99"}, "risk.cpuset = '4-99': this daemon has cores 0-1; write some of"),
        ({"cpus": 3}, "risk.cpus = 3: this daemon has 2 CPUs; lower it"),
        ({"memory": "9 GiB"}, "risk.memory = 9 GiB: this daemon has 8 GiB; lower it"),
    ],
)
def test_an_override_beyond_the_daemon_is_refused(override, said):
    demo = inputs({"risk": service()}, overrides={"risk": override})
    with pytest.raises(DrydockError) as caught:
        plan(demo, CHIP, daemon(2, 8))
    assert str(caught.value).startswith("inventory or --data: overrides.")
    assert said in str(caught.value)


def test_an_overriding_reservation_above_the_fitted_limit_is_refused():
    services = {"a": service(memory="16 GiB"), "b": service(memory="16 GiB")}
    demo = inputs(services, overrides={"a": {"reservation": "7.75 GiB"}})
    with pytest.raises(DrydockError, match=r"a\.reservation = 7\.75 GiB: its limit is 7\.6 GiB"):
        plan(demo, CHIP, daemon(4, 8))


def test_overriding_reservations_beyond_the_daemon_are_refused():
    services = {name: service(memory="6 GiB") for name in "ab"}
    demo = inputs(services, overrides={name: {"reservation": "5 GiB"} for name in "ab"})
    with pytest.raises(DrydockError, match=r"reservations of a, b add to 10 GiB.*has 8 GiB"):
        plan(demo, CHIP, daemon(4, 8))


def test_a_daemon_with_next_to_no_memory_is_refused():
    with pytest.raises(DrydockError, match="this daemon has 256 MiB of memory: give its VM"):
        plan(inputs({"a": service()}), CHIP, daemon(1, 0.25))


services_of_any_size = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True),
    st.builds(
        service,
        cpus=st.integers(1, 3200).map(lambda hundredths: hundredths / 100),
        memory=st.integers(6, 192 * 1024).map(lambda mib: f"{mib} MiB"),
        pinned=st.booleans(),
        dedicated=st.booleans(),
    ),
    min_size=1,
    max_size=24,
)
daemons = st.builds(daemon, st.integers(1, 32), st.integers(1, 192))


@UNHURRIED
@given(services_of_any_size, daemons)
def test_a_fitted_map_stays_within_the_daemon(services, host):
    planned = plan(inputs(services), CHIP, host)
    total = 0
    for name, got in planned.services.items():
        own = cores(planned, name)
        assert own is None or set(own) <= set(range(host.cpus))
        assert 0 < got.cpus <= (host.cpus if own is None else len(own))
        assert got.memory_bytes < host.memory_bytes
        assert 6 * MIB <= got.reservation_bytes <= got.memory_bytes
        total += got.reservation_bytes
    assert total <= host.memory_bytes * 0.9


@UNHURRIED
@given(services_of_any_size, daemons)
def test_a_fitted_map_is_no_larger_than_written_and_in_proportion(services, host):
    demo = inputs(services)
    planned = plan(demo, CHIP, host)
    written = {name: service.memory for name, service in demo.stack.services.items()}
    name = max(written, key=lambda name: written[name])
    factor = planned.services[name].memory_bytes / written[name]
    for other, size in written.items():
        got = planned.services[other].memory_bytes
        assert got <= size
        assert got == pytest.approx(size * factor, abs=2 * MIB) or got == min(size, 64 * MIB)


@UNHURRIED
@given(services_of_any_size, daemons)
def test_cpus_are_scaled_in_proportion(services, host):
    planned = plan(inputs(services), CHIP, host)
    factor = min(1, host.cpus / max(fields["cpus"] for fields in services.values()))
    for name, fields in services.items():
        got = planned.services[name].cpus
        assert got <= fields["cpus"]
        scaled = fields["cpus"] * factor
        assert got == pytest.approx(scaled, abs=0.0101) or got == min(fields["cpus"], 0.1)


@UNHURRIED
@given(services_of_any_size, daemons)
def test_a_map_does_not_depend_on_chance_or_the_order_of_services(services, host):
    planned = plan(inputs(services), CHIP, host)
    again = plan(inputs(dict(reversed(services.items()))), CHIP, host)
    assert again.services == planned.services
