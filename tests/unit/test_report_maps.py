"""Which maps a report shows side by side."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stack.__main__ import load_groups
from stack.chips import parse_sysctl
from stack.daemon import daemon_of
from stack.model import Allocation
from stack.planner.map import plan
from stack.report.maps import as_planned, levels_counted, shown_maps

ROOT = Path(__file__).parents[2]
CHIP = parse_sysctl((ROOT / "lab/macs/m4max.txt").read_text())
DAEMON = daemon_of(json.loads((ROOT / "lab/macs/docker-info-m4max.json").read_text()))
INPUTS = load_groups(ROOT / "group_data", "m4max")


def test_the_map_by_hand_is_shown_beside_one_that_was_fitted():
    small = DAEMON.model_copy(update={"cpus": 8})
    running = plan(INPUTS, CHIP, small).services
    runs, by_hand = shown_maps(running, INPUTS, CHIP, small)
    assert (runs.title, runs.cpus) == ("What runs", 8)
    assert (by_hand.title, by_hand.cpus) == ("Written by hand", 14)
    assert "group_data/m4max.py" in by_hand.source
    assert by_hand.services["risk"].cpuset == "7"
    assert by_hand.core_loads[8] == pytest.approx(4.5)


def test_the_planners_is_shown_beside_the_map_by_hand_where_that_runs():
    running = plan(INPUTS, CHIP, DAEMON).services
    runs, planned = shown_maps(running, INPUTS, CHIP, DAEMON)
    assert max(runs.core_loads) == pytest.approx(4.5)
    assert planned.title == "Planned"
    assert max(planned.core_loads) < 3


def test_without_a_map_by_hand_there_is_nothing_beside():
    inputs = replace(INPUTS, core_map=None)
    running = plan(inputs, CHIP, DAEMON).services
    assert [it.title for it in shown_maps(running, inputs, CHIP, DAEMON)] == ["What runs"]
    assert [it.title for it in shown_maps(running, None, CHIP, DAEMON)] == ["What runs"]


def test_a_cpuset_of_every_core_that_nobody_planned_is_none():
    every = Allocation(cpuset="0-3", cpus=1, memory_bytes=1, reservation_bytes=1)
    free = every.model_copy(update={"cpuset": None})
    assert as_planned(every, free, 4) == free
    assert as_planned(every, free, 8) == every
    assert as_planned(every, every, 4) == every


@pytest.mark.parametrize(
    ("cpus", "counted"),
    [
        (14, (("Performance", 10), ("Efficiency", 4))),
        (2, (("Performance", 2),)),
        (16, (("Performance", 10), ("Efficiency", 4), ("more than the chip has", 2))),
    ],
)
def test_cpus_are_counted_to_levels_in_the_chips_order(cpus, counted):
    assert levels_counted(CHIP, cpus) == counted
