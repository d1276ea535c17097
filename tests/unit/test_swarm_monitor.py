"""What keeps a swarm's containers on their cores: on which host, and with which cores."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from facts.swarm_monitor import monitor_on
from stack.release import digest
from stack.release.launchd import FoundMonitor
from stack.swarm.cores import watched_cores
from stack.swarm.placement import Place
from tests.demo import demo_host, demo_inputs

CORES = {"store": "0-3", "risk": "0,1", "page": "3"}
DIRECTORY = "/Users/o'brien/.drydock/demo"


def places(**homes):
    """Services on mac1, but for those that are said to be elsewhere."""
    nodes = {**dict.fromkeys(CORES, "mac1"), **homes}
    return {name: Place(host, (), "") for name, host in nodes.items()}


def look(host=None, found=None, **settings):
    """One node, as `look_at` finds it."""
    host = host or demo_host()
    return SimpleNamespace(
        name="mac1",
        inputs=demo_inputs(**settings),
        detected=replace(host, directory=f"{host.directory}.swarm"),
        own_directory=host.directory,
        monitor=found or FoundMonitor(),
    )


def installed(plan):
    """What a host has when all of a plan was done."""
    (job,) = plan.jobs
    digests = {name: digest.of_bytes(it) for name, it in job.files.items()}
    return FoundMonitor(digests, {job.kind: digests[job.plist]}, frozenset([job.kind]))


def sentences(plan):
    return [it.sentence for it in plan.changes.all]


def test_a_node_keeps_what_belongs_there_and_is_not_on_all_cores():
    daemon = demo_host().daemon
    assert watched_cores(places(), CORES, "mac1", daemon) == "page\t3\nrisk\t0,1\n"
    assert watched_cores(places(risk="mac2"), CORES, "mac1", daemon) == "page\t3\n"
    assert watched_cores(places(risk="mac2"), CORES, "mac3", daemon) == ""


def test_a_mac_gets_the_job_where_deploys_monitor_would_be():
    plan = monitor_on(look(), places(), CORES)
    assert sentences(plan) == ["monitor: launchd agent, not on this host yet: installed"]
    assert (plan.stack, plan.directory) == ("demo", DIRECTORY)
    (job,) = plan.jobs
    assert job.files["cores.tsv"] == b"page\t3\nrisk\t0,1\n"


def test_a_second_look_finds_no_change_until_a_service_moves():
    found = installed(monitor_on(look(), places(), CORES))
    assert sentences(monitor_on(look(found=found), places(), CORES)) == []
    moved = monitor_on(look(found=found), places(page="mac2"), CORES)
    assert sentences(moved) == ["monitor: launchd agent, cores.tsv changed: installed"]


def test_what_is_switched_off_goes():
    found = installed(monitor_on(look(), places(), CORES))
    off = monitor_on(look(found=found, monitor="off"), places(), CORES)
    assert (off.jobs, sentences(off)) == ((), ["monitor: launchd agent, switched off: removed"])


def test_it_is_a_daemon_where_the_data_says_so():
    (job,) = monitor_on(look(monitor="daemon"), places(), CORES).jobs
    assert job.kind == "daemon"


@pytest.mark.parametrize("monitor", ["agent", "daemon", "off"])
def test_a_host_without_launchd_gets_none(monitor):
    host = replace(demo_host(), account=None)
    plan = monitor_on(look(host, monitor=monitor), places(), CORES)
    assert (plan.jobs, plan.changes.all) == ((), ())
