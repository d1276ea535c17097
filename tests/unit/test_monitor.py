"""The job of launchd that watches a stack, and what differs between it and what a Mac has."""

import plistlib
from dataclasses import replace

import pytest

from stack.changes.monitor import monitor_changes, reload_needed
from stack.release import digest
from stack.release.launchd import FoundMonitor, domain_of, place_of
from tests.demo import demo_host, demo_job


def found(job, **different):
    """A host that has this job as it should be."""
    digests = {name: digest.of_bytes(content) for name, content in job.files.items()}
    placed = {job.kind: digests[job.plist]}
    return replace(FoundMonitor(digests, placed, frozenset([job.kind])), **different)


def sentences(jobs, host):
    return [change.sentence for change in monitor_changes(jobs, host)]


@pytest.mark.parametrize("kind", ["agent", "daemon"])
def test_the_property_list_is_what_launchd_reads(kind):
    job = demo_job(kind, home="/Users/o'brien & <co>")
    said = plistlib.loads(job.files[job.plist])
    directory = "/Users/o'brien & <co>/.drydock/demo"
    assert said.pop("EnvironmentVariables") == {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "directory": directory,
        "docker_cli": "/usr/local/bin/docker",
        "min_free_kib": "6291456",
        "DOCKER_HOST": "unix:///Users/o'brien & <co>/.docker/run/docker.sock",
        "DOCKER_CONFIG": f"{directory}/docker",
    }
    whose = (
        {"UserName": "o'brien"} if kind == "daemon" else {"LimitLoadToSessionType": "Background"}
    )
    assert said == {
        "Label": "dev.drydock.demo.monitor",
        "ProgramArguments": ["/bin/sh", f"{directory}/monitor/monitor.sh"],
        "StartInterval": 60,
        "RunAtLoad": True,
        "ProcessType": "Background",
        "StandardErrorPath": f"{directory}/monitor/errors.log",
        **whose,
    }


def test_a_node_of_a_swarm_has_its_cores_beside_the_program():
    job = demo_job(cores="risk\t0,1\n")
    said = plistlib.loads(job.files[job.plist])
    directory = "/Users/o'brien/.drydock/demo"
    assert said["ProgramArguments"] == ["/bin/sh", f"{directory}/monitor/cores.sh"]
    assert said["EnvironmentVariables"]["stack"] == "demo"
    assert job.label == demo_job().label, "one Mac runs a stack by itself, or as a node"
    assert job.files["cores.tsv"] == b"risk\t0,1\n"
    moved = demo_job(cores="page\t2\n")
    assert sentences([moved], found(job)) == [
        "monitor: launchd agent, cores.tsv changed: installed"
    ]
    assert not reload_needed(moved, found(job)), "the next look reads them"


def test_what_watched_a_stack_of_one_mac_makes_way_for_that_of_a_node():
    node = demo_job(cores="risk\t0,1\n")
    (sentence,) = sentences([node], found(demo_job()))
    assert "cores.sh, cores.tsv, dev.drydock.demo.monitor.plist changed" in sentence
    assert reload_needed(node, found(demo_job()))


def test_an_agent_is_the_users_own_and_a_daemon_the_systems():
    account = demo_host().account
    assert domain_of("agent", account) == "user/501"
    assert domain_of("daemon", account) == "system"
    assert place_of("daemon", "demo", account) == (
        "/Library/LaunchDaemons/dev.drydock.demo.monitor.plist"
    )
    assert place_of("agent", "demo", account) == (
        "/Users/o'brien/Library/LaunchAgents/dev.drydock.demo.monitor.plist"
    )


def test_a_host_that_has_it_needs_no_change():
    job = demo_job()
    assert sentences([job], found(job)) == []
    assert sentences([], FoundMonitor()) == []
    assert not reload_needed(job, found(job))


def test_a_host_without_it_gets_it():
    job = demo_job()
    assert sentences([job], FoundMonitor()) == [
        "monitor: launchd agent, not on this host yet: installed"
    ]
    assert reload_needed(job, FoundMonitor())


def test_changed_programs_run_without_loading_the_job_anew():
    job = demo_job()
    host = found(job, files={**found(job).files, "monitor.awk": "0"})
    assert sentences([job], host) == ["monitor: launchd agent, monitor.awk changed: installed"]
    assert not reload_needed(job, host)


@pytest.mark.parametrize(
    ("different", "why"),
    [
        ({"placed": {}}, "its property list is missing or was edited"),
        ({"placed": {"agent": "0"}}, "its property list is missing or was edited"),
        ({"loaded": frozenset()}, "not loaded"),
    ],
)
def test_what_somebody_did_to_it_is_mended(different, why):
    job = demo_job()
    host = found(job, **different)
    assert sentences([job], host) == [f"monitor: launchd agent, {why}: installed"]
    assert reload_needed(job, host)


def test_what_is_switched_off_goes():
    assert sentences([], found(demo_job("daemon"))) == [
        "monitor: launchd daemon, switched off: removed"
    ]


def test_an_agent_that_becomes_a_daemon_does_not_stay():
    assert sentences([demo_job("daemon")], found(demo_job())) == [
        "monitor: launchd agent, it becomes a launchd daemon: removed",
        "monitor: launchd daemon, not on this host yet: installed",
    ]
