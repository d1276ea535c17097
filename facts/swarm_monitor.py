"""What keeps a swarm's containers on their cores between two runs: a job of launchd on each Mac."""

from collections.abc import Mapping
from dataclasses import replace

from facts.plan import jobs_of
from facts.swarm import Look
from stack.changes.change import Changes
from stack.changes.monitor import MonitorPlan, monitor_changes
from stack.release.launchd import keeping_cores
from stack.swarm.cores import watched_cores
from stack.swarm.placement import Place


def monitor_on(look: Look, places: Mapping[str, Place], cores: Mapping[str, str]) -> MonitorPlan:
    """The job that a node should have, and what differs from the one that it has.

    + places: where each service belongs
    + cores: service → its cores on its node
    """
    stack, detected = look.inputs.stack.name, look.detected
    work = keeping_cores(stack, watched_cores(places, cores, look.name, detected.daemon))
    own = replace(detected, directory=look.own_directory)
    jobs = jobs_of(look.inputs.settings, stack, own, work)
    changes = Changes(tuple(monitor_changes(jobs, look.monitor)))
    return MonitorPlan(stack, detected.account, own.directory, jobs, look.monitor, changes)
