from pathlib import Path

import pytest

from stack.__main__ import load_groups
from stack.load import load_stack
from stack.model import Allocation, Chip, CoreLevel, Daemon
from stack.planner.findings import core_loads
from stack.planner.map import plan

GROUP_DATA = Path(__file__).parents[2] / "group_data"
GIB = 2**30
CHIP = Chip(
    name="Apple M4 Max",
    tag="m4max",
    levels=(CoreLevel(name="Performance", cores=10), CoreLevel(name="Efficiency", cores=4)),
    memory_bytes=36 * GIB,
)
VM = Daemon(cpus=14, memory_bytes=int(35.24 * GIB))


def report_map(daemon=VM, chip=CHIP):
    return plan(load_groups(GROUP_DATA, "m4max"), chip, daemon)


def messages(planned, code):
    return [finding.message for finding in planned.findings if finding.code == code]


def demo(daemon=None, chip=CHIP, memory="1 GiB", **services):
    common = {"phase": "core", "image": "redis:8.0", "health": {"test": ["true"]}, "cpus": 1}
    data = {
        "stack": {
            "name": "demo",
            "sized_for": {"cpus": 14, "memory": "36 GiB"},
            "services": {n: common | {"memory": memory} | fields for n, fields in services.items()},
        }
    }
    return plan(load_stack(data, {}), chip, daemon or VM)


def test_limits_above_the_memory_are_found():
    (message,) = messages(report_map(), "limits_exceed_memory")
    assert message.startswith("limits add to 77.5 GiB, 2.2 times the daemon's 35.24 GiB (Apple M4")
    assert "36 GiB" in message
    assert not messages(demo(a={}), "limits_exceed_memory")


def test_cpus_above_the_width_of_a_cpuset_are_found():
    found = [f for f in report_map().findings if f.code == "cpus_exceed_cpuset"]
    assert [f.service for f in found] == ["strategy"]
    assert "1.5 CPUs but its cpuset 8 has 1 core" in found[0].message
    assert not messages(demo(a={"cpuset": "8"}), "cpus_exceed_cpuset")


def test_a_dedicated_core_that_others_use_is_found():
    (message,) = messages(report_map(), "dedicated_core_shared")
    assert message == "risk's dedicated core 7 also carries ml, portfolio"
    apart = demo(a={"cpuset": "1", "dedicated": True}, b={"cpuset": "2"})
    assert not messages(apart, "dedicated_core_shared")


def test_the_busiest_core_is_found_with_the_idle_ones():
    (message,) = messages(report_map(), "core_overloaded")
    assert message == (
        "core 8 carries 4.5 CPUs (factor, ml, portfolio, strategy) while cores 0-3,10-13 carry none"
    )
    assert not messages(demo(a={"cpuset": "8"}, b={"cpuset": "9"}), "core_overloaded")


def test_a_demand_above_the_cores_is_found():
    (message,) = messages(report_map(), "demand_exceeds_cores")
    assert message == "services with a cpuset may use 20.5 CPUs on cores 4-9, which give 6"
    assert not messages(demo(a={"cpuset": "8", "cpus": 1}), "demand_exceeds_cores")


def test_cores_in_no_cpuset_are_found_and_weigh_less_when_none_is_crowded():
    (message,) = messages(report_map(), "cores_unused")
    assert message.startswith("no service's cpuset has cores 0-3,10-13: only 7 services without")
    (found,) = [f for f in demo(a={"cpuset": "0-12"}).findings if f.code == "cores_unused"]
    assert (found.severity, found.message) == (
        "info",
        "no service's cpuset has core 13: nothing runs there",
    )
    assert not messages(demo(a={}), "cores_unused")


def test_services_that_may_run_on_a_dedicated_core_are_found():
    (message,) = messages(report_map(), "dedicated_core_open")
    assert message.startswith("7 services without a cpuset may run on risk's dedicated core 7: ba")
    planned_apart = demo(a={"dedicated": True}, b={})
    assert not messages(planned_apart, "dedicated_core_open")


def test_more_workers_than_cores_are_found():
    found = [f for f in report_map().findings if f.code == "workers_exceed_cores"]
    assert {f.service for f in found} == {"risk", "analytics", "factor"}
    few = demo(a={"workers": 4}, b={"workers": 3}, daemon=Daemon(cpus=3, memory_bytes=GIB))
    assert messages(few, "workers_exceed_cores") == ["a has 4 workers on 3 cores: they take turns"]


@pytest.mark.parametrize(("memory", "severity"), [("16 GiB", "warning"), ("1 GiB", "info")])
def test_a_daemon_with_less_memory_than_the_mac_is_found(memory, severity):
    planned = demo(memory=memory, a={}, daemon=Daemon(cpus=14, memory_bytes=15 * GIB))
    (found,) = [f for f in planned.findings if f.code == "daemon_below_host_memory"]
    assert found.severity == severity
    assert "the daemon has 15 GiB of Apple M4 Max's 36 GiB" in found.message
    assert not messages(report_map(), "daemon_below_host_memory")


@pytest.mark.parametrize(("cpus", "severity"), [(8, "warning"), (1, "info")])
def test_a_daemon_with_fewer_cpus_than_the_mac_is_found(cpus, severity):
    planned = demo(a={"cpus": cpus}, daemon=Daemon(cpus=4, memory_bytes=36 * GIB))
    (found,) = [f for f in planned.findings if f.code == "daemon_below_host_cpus"]
    assert found.severity == severity
    assert "the daemon has 4 CPUs of Apple M4 Max's 14" in found.message
    assert not messages(report_map(), "daemon_below_host_cpus")


def test_what_was_fitted_is_said_with_its_measure():
    said = "\n".join(messages(report_map(Daemon(cpus=2, memory_bytes=8 * GIB)), "fitted"))
    assert "16 memory limits of 16 scaled down" in said
    assert "the largest to 63%: factor 12 GiB → 7.6 GiB" in said
    assert "16 CPU limits of 16 scaled down to fit this daemon, the largest to 50%: factor" in said
    assert "9 cpusets written for 14 CPUs are planned anew for this daemon's 2" in said
    assert not messages(demo(a={}), "fitted")


def test_a_cpuset_is_said_to_be_virtual_once_and_only_in_a_vm():
    assert len(messages(report_map(), "cpuset_is_virtual")) == 1
    linux = Chip(name="EPYC", tag="linux-x86-64", levels=CHIP.levels, memory_bytes=36 * GIB)
    assert not messages(report_map(chip=linux), "cpuset_is_virtual")
    assert not messages(demo(a={}), "cpuset_is_virtual")


def test_the_gravest_findings_come_first():
    severities = [finding.severity for finding in report_map().findings]
    assert severities == sorted(severities, key=("warning", "info").index)


def test_a_cores_load_is_the_share_of_each_service_on_it():
    allocations = {
        "a": Allocation(cpuset="0-1", cpus=3, memory_bytes=1, reservation_bytes=1),
        "b": Allocation(cpuset="1", cpus=0.5, memory_bytes=1, reservation_bytes=1),
        "c": Allocation(cpuset=None, cpus=9, memory_bytes=1, reservation_bytes=1),
    }
    assert core_loads(allocations, 3) == [1.5, 2.0, 0.0]
