"""What a host should run, what it runs, and the changes between the two."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from pyinfra.api.host import Host

from facts.detect import Detected, inputs_of, locate, read_daemon
from facts.observe import observe
from facts.pins import pins_in
from facts.releases import current_release, kept_releases
from facts.requirements import refuse_chip
from facts.together import together
from facts.upstream import registry_digests
from stack.changes.adopt import Adoption, adoption_of, as_adopted
from stack.changes.change import Changes, CurrentRelease
from stack.changes.compare import compare, record_changes
from stack.changes.heat import Cap, capped, findings_of, uncapped
from stack.changes.leftovers import leftovers
from stack.changes.monitor import MonitorPlan, monitor_changes
from stack.changes.observed import Observed
from stack.changes.replacement import Replacement, replacements
from stack.errors import DrydockError
from stack.load import Inputs
from stack.model import Daemon, Finding, Map
from stack.planner.map import plan
from stack.release.launchd import Job, Work, job_of, watching
from stack.release.pins import unpinned
from stack.release.render import Release
from stack.release.shared import Order, release_for
from stack.report.page import prepare
from stack.settings import Settings
from stack.vm.size import findings_of as vm_findings

FRESH_S = 5


@dataclass(frozen=True)
class HostPlan:
    """One host: what it is, what it should run, what it runs, and what to change."""

    settings: Settings
    detected: Detected
    release: Release
    observed: Observed
    current: CurrentRelease
    changes: Changes
    made_at: float = field(default_factory=monotonic)
    jobs: tuple[Job, ...] | None = None
    """The monitor that the host should have, one or none; None leaves it as it is."""
    unpinned: tuple[str, ...] = ()
    """Upstream images whose digest nothing in the data decides."""
    adoption: Adoption = field(default_factory=Adoption)
    """Containers that others made, and what is taken over of them."""
    inputs: Inputs | None = None
    """What it was planned from; None: the release was read from the host."""

    @property
    def monitor(self) -> MonitorPlan:
        """The part of it that is about the monitor."""
        return MonitorPlan(
            self.release.stack.name,
            self.detected.account,
            self.detected.directory,
            self.jobs or (),
            self.current.monitor,
            self.changes,
        )

    @property
    def capped(self) -> dict[str, Cap]:
        """Services from which the monitor took CPUs, and hasn't given them back yet."""
        caps = {} if self.jobs == () else self.current.caps
        return capped(self.release.stack, self.observed, caps)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the host, beside the map: services capped for heat, the VM's size."""
        return (*findings_of(self.capped), *vm_findings(self.settings, self.detected.daemon))

    @property
    def is_fresh(self) -> bool:
        """Whether what was observed is only just past."""
        return monotonic() - self.made_at < FRESH_S

    def is_where(self, other: "HostPlan") -> bool:
        """Whether nobody deployed between the two looks: same release, same containers."""
        ids = [{it.id for it in each.observed.containers.values()} for each in (self, other)]
        return ids[0] == ids[1] and self.current.id == other.current.id


def plan_host(host: Host, as_if: Callable[[Detected], Detected] = lambda found: found) -> HostPlan:
    """Read a host and its data, and work out the changes; nothing on the host changes.

    + as_if: plan for a host that differs so from what was found

    DrydockError where the data is wrong, or the host can't run what it asks for.
    """
    inputs = inputs_of(host)
    located = locate(
        host, inputs.settings, inputs.stack.name, lambda chip: refuse_chip(inputs, chip)
    )
    pins = pins_in(inputs.settings.images_lock)
    daemon: Daemon
    observed: Observed
    current: CurrentRelease
    daemon, observed, current, _ = together(
        lambda: read_daemon(host, located.runtime),
        lambda: observe(host, located.runtime, inputs.stack, pins),
        lambda: current_release(host, located.directory),
        lambda: prepare(Path.cwd()),
    )
    detected = as_if(Detected(**vars(located), daemon=daemon))
    adoption = Adoption()
    inputs = replace(inputs, stack=as_adopted(inputs.stack, current.adopted))
    if inputs.settings.adopt:
        adoption = adoption_of(inputs.stack, observed, current.secrets)
        inputs = replace(inputs, stack=adoption.of(inputs.stack))
        current = adoption.known(current)
    core_map = _plan(inputs, detected)
    digests = {**observed.upstream_digests, **pins}
    unknown = [it for it in observed.missing_upstream if it not in digests]
    digests |= registry_digests(host, detected, inputs.settings, unknown)
    work = watching(inputs.settings.min_free_disk)
    jobs = jobs_of(inputs.settings, inputs.stack.name, detected, work)
    release = _render(inputs, detected, core_map, digests, monitored=bool(jobs))
    there = adoption.without(observed)
    changes = changes_to(release, current, there, detected, jobs)
    # What is pulled now may be newer than what was pruned: the digest is the registry's, then.
    pulled = set(changes.subjects("pull")) - set(unknown) - pins.keys()
    if pulled:
        digests |= registry_digests(host, detected, inputs.settings, sorted(pulled))
        release = _render(inputs, detected, core_map, digests, monitored=bool(jobs))
        changes = changes_to(release, current, there, detected, jobs)
    recorded = record_changes(release, current)
    left = leftovers(release, there, changes)
    changes = Changes((*adoption.changes(), *changes.all, *recorded, *left))
    return HostPlan(
        inputs.settings, detected, release, observed, current, changes,
        jobs=jobs,
        unpinned=unpinned(inputs.stack, pins), adoption=adoption, inputs=inputs,
    )  # fmt: skip


def changes_to(
    release: Release,
    current: CurrentRelease,
    observed: Observed,
    detected: Detected,
    jobs: tuple[Job, ...] | None,
) -> Changes:
    """What differs from the release, and from the monitor unless that is left as it is."""
    own = () if jobs is None else tuple(monitor_changes(jobs, current.monitor))
    # Without a monitor nobody lifts its caps: then they are a difference, and the deploy does.
    if jobs != ():
        observed = uncapped(release.stack, observed, current.caps)
    return Changes((*own, *compare(release, current, observed, detected.daemon.cpus).all))


def jobs_of(settings: Settings, stack: str, detected: Detected, work: Work) -> tuple[Job, ...]:
    """The monitor that a host should have, one or none."""
    kind, account = settings.monitor, detected.account
    if kind == "off" or account is None:
        return ()
    docker = {**detected.docker_environment, "docker_cli": detected.runtime.docker_cli}
    return (job_of(kind, stack, account, detected.directory, docker, work),)


def replacing(host: Host, plan: HostPlan) -> tuple[Replacement, ...]:
    """How each service that runs and changes is replaced, and how long that took before."""
    measured: dict[str, float] = {}
    if plan.changes.of("recreate"):
        for kept in kept_releases(host, plan.detected.directory):
            measured |= kept.record.seconds_to_healthy if kept.record else {}
    memory_bytes = plan.detected.daemon.memory_bytes
    return replacements(plan.release, plan.observed, plan.changes, memory_bytes, measured)


def look_again(host: Host, plan: HostPlan) -> HostPlan:
    """The same plan with the host as it is now, and what now is to change."""
    observed: Observed
    current: CurrentRelease
    observed, current = together(
        lambda: observe(host, plan.detected.runtime, plan.release.stack),
        lambda: current_release(host, plan.detected.directory),
    )
    changes = changes_to(plan.release, current, observed, plan.detected, plan.jobs)
    return replace(plan, observed=observed, current=current, changes=changes, made_at=monotonic())


def _plan(inputs: Inputs, detected: Detected) -> Map:
    try:
        return plan(inputs, detected.chip, detected.daemon)
    except DrydockError as error:
        # A VM that isn't yet what the data says may be all that is wrong.
        said = (str(error), *(it.message for it in vm_findings(inputs.settings, detected.daemon)))
        raise DrydockError("\n".join(said)) from error


def _render(
    inputs: Inputs,
    detected: Detected,
    core_map: Map,
    upstream_digests: dict[str, str],
    *,
    monitored: bool,
) -> Release:
    order = Order(
        stack=inputs.stack,
        core_map=core_map,
        tag=detected.chip.tag,
        architecture=detected.daemon.architecture,
        settings=inputs.settings,
        upstream_digests=upstream_digests,
        secrets_directory=detected.secrets_directory,
        project=Path.cwd(),
        monitored=monitored,
    )
    return release_for(order)
