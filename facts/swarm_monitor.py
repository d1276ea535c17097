"""What keeps a swarm's containers on their cores between two runs: a job of launchd on each Mac."""

from collections.abc import Mapping

from facts.swarm import Look
from stack.changes.change import Changes
from stack.changes.monitor import MonitorPlan, monitor_changes
from stack.release.launchd import Job, cores_job
from stack.swarm.cores import watched_cores
from stack.swarm.placement import Place


def monitor_on(look: Look, places: Mapping[str, Place], cores: Mapping[str, str]) -> MonitorPlan:
    """The job that a node should have, and what differs from the one that it has.

    + places: where each service belongs
    + cores: service → its cores on its node
    """
    jobs = _jobs(look, places, cores)
    changes = Changes(tuple(monitor_changes(jobs, look.monitor)))
    stack, account = look.inputs.stack.name, look.detected.account
    return MonitorPlan(stack, account, look.own_directory, jobs, look.monitor, changes)


def _jobs(look: Look, places: Mapping[str, Place], cores: Mapping[str, str]) -> tuple[Job, ...]:
    detected, kind = look.detected, look.inputs.settings.monitor
    if kind == "off" or detected.account is None:
        return ()
    docker = {**detected.docker_environment, "docker_cli": detected.runtime.docker_cli}
    watched = watched_cores(places, cores, look.name, detected.daemon)
    stack = look.inputs.stack.name
    return (cores_job(kind, stack, detected.account, look.own_directory, docker, watched),)
