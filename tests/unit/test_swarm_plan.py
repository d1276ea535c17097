"""Whether others have changed a swarm between two looks, and who plans it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from facts import swarm_plan
from facts.swarm_plan import SwarmPlan, planned_once
from stack.release.launchd import FoundMonitor
from stack.swarm.membership import Formation
from stack.swarm.steps import Found, FoundService

NONE = Formation("mac1", begins=False, joins=(), promotes=(), gone=(), replaced=())
FOUND = Found({"tide": FoundService({"Name": "tide"}, "mac1")}, {}, ["s1"], True, {})


class Run:
    """A run of pyinfra on hosts that all take part."""

    inventory = active_hosts = ()


def plan(found=FOUND, formation=NONE, monitor=None):
    looks = {"mac1": SimpleNamespace(monitor=monitor or FoundMonitor())}
    return SwarmPlan(None, None, looks, formation, None, {}, {}, {}, {}, found, ())


def tide(spec, node):
    return replace(FOUND, services={"tide": FoundService(spec, node)})


@pytest.mark.parametrize(
    ("later", "same"),
    [
        (plan(), True),
        # Swarm itself starts services elsewhere, and they may not be healthy for a while.
        (plan(tide({"Name": "tide"}, "mac2")), True),
        (plan(tide({"Name": "tide"}, None)), True),
        (plan(tide({"Name": "tide", "Labels": {}}, "mac1")), False),
        (plan(replace(FOUND, all_secrets=["s1", "s2"])), False),
        (plan(replace(FOUND, labelled={"tide": frozenset(["mac2"])})), False),
        (plan(formation=replace(NONE, begins=True)), False),
        (plan(monitor=FoundMonitor({"look.sh": "sha256:1"})), False),
    ],
)
def test_what_a_person_changed_is_told_from_what_swarm_did(later, same):
    assert later.is_where(plan()) == same


@pytest.mark.parametrize("old", [False, True])
def test_a_run_has_one_plan_which_is_made_anew_where_it_is_old(monkeypatch, old):
    plans = []
    monkeypatch.setattr(swarm_plan, "plan_swarm", lambda hosts: plans.append(hosts) or len(plans))
    monkeypatch.setattr(swarm_plan, "_plans", {})
    run = Run()
    run.inventory = run.active_hosts = [SimpleNamespace(state=run) for _ in ("mac1", "mac2")]
    made: list[object] = [planned_once(host, lambda _: old) for host in run.inventory]
    assert made == [2 if old else 1] * 2
