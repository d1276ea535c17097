"""The record of a release on its host: who deployed it, when, why, and how it went."""

import io
from collections.abc import Generator, Mapping

from pyinfra.api.command import PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.observe import observe
from facts.plan import HostPlan
from facts.releases import kept_releases
from operations import journal, lock
from operations.operator import operator
from operations.refusal import LOST, refused, step
from operations.start import Startup
from operations.timing import now, timeline_of
from stack.release.kept import Record, RecordState
from stack.report.measured import Timeline


@operation()
def begin(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Record that a release comes to the host, before anything that runs is touched.

    + plan: the release, and what it changes

    A release that is current already keeps its record until it is verified anew.
    """
    if plan.changes and plan.current.id != plan.release.id:
        yield step(_begin, plan)


@operation()
def going_back(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Record that a rollback leads to its release, right before it becomes the current one.

    + plan: the release, and what it changes

    Where the run is broken off from then on until its verdict, the same command has to lead to the
    same release, and not to the one before that.
    """
    if plan.changes.of("switch"):
        yield step(_going_back, plan)


@operation()
def good(plan: HostPlan, startup: Startup) -> Generator[PyinfraCommand, None, None]:
    """Record that the release was verified.

    + plan: the release that now runs
    + startup: how long its services took
    """
    if plan.changes:
        yield step(note, plan, "good", (), startup)


def _begin(host: Host, plan: HostPlan) -> bool:
    known = [it.number for it in kept_releases(host, plan.detected.directory)]
    return _write(host, plan, _fresh(plan, max(known, default=0) + 1))


def _going_back(host: Host, plan: HostPlan) -> bool:
    record = _record_of(host, plan)
    return _write(host, plan, record.model_copy(update={"gone_back_from": plan.current.id}))


def _record_of(host: Host, plan: HostPlan) -> Record:
    """The release's record on the host, or a new one where it has none."""
    kept = {it.id: it for it in kept_releases(host, plan.detected.directory)}
    found = kept.get(plan.release.id)
    if found and found.record:
        return found.record
    return _fresh(plan, max((it.number for it in kept.values()), default=0) + 1)


def note(
    host: Host,
    plan: HostPlan,
    state: RecordState,
    verdict: tuple[str, ...],
    startup: Startup | None = None,
) -> bool:
    """Add to the release's record how it went, and the images that its containers are made of.

    That a rollback led here is forgotten when nothing is left to be broken off: the same command
    would lead one release further from then on.
    """
    record = _record_of(host, plan)
    left = record.gone_back_from if state == "good" else None
    update: Mapping[str, object] = {
        "gone_back_from": left,
        "state": state,
        "verdict": verdict,
        "verified_at": now(),
        "images": _images(host, plan),
        "seconds_to_healthy": startup.seconds_to_healthy if startup else {},
        "timeline": _timeline(host) or record.timeline,
    }
    for service, seconds in (startup.interruption_s if startup else {}).items():
        journal.tell(host, "interruption", f"{service} was away", service, seconds=seconds)
    noted = record.model_copy(update=update)
    written = _write(host, plan, noted)
    if left:
        over = noted.model_copy(update={"gone_back_from": None})
        lock.at_end(host, lambda: _write_last(host, plan, over))
    return journal.end(host, state, verdict) and written


def _write_last(host: Host, plan: HostPlan, record: Record) -> bool:
    try:
        return _write(host, plan, record)
    except LOST as error:
        why = f"the host was lost before its last word ({error}): the same command leads here again"
        return refused(host, why)


def _timeline(host: Host) -> Timeline | None:
    """What this run pulled, built and started; None when it did nothing of it."""
    timeline = timeline_of(host)
    spans = tuple(span for span in timeline.spans if span.kind != "step")
    return timeline.model_copy(update={"spans": spans}) if spans else None


def _fresh(plan: HostPlan, number: int) -> Record:
    return Record(
        release=plan.release.id,
        number=number,
        deployed_at=now(),
        who=operator(),
        former=plan.current.id if plan.current.id != plan.release.id else None,
        why=plan.settings.why,
        changes=tuple(change.sentence for change in plan.changes.all),
    )


def _images(host: Host, plan: HostPlan) -> dict[str, str]:
    stack = plan.release.stack
    containers = observe(host, plan.detected.runtime, stack).containers
    found = {name: containers.get(stack.container_name(name)) for name in stack.services}
    return {name: container.image_id for name, container in found.items() if container}


def _write(host: Host, plan: HostPlan, record: Record) -> bool:
    """Write it in one step, so that a reader finds the former record or this one."""
    path = f"{plan.detected.directory}/releases/{record.release}.json"
    content = record.model_dump_json(indent=1).encode()
    moved = StringCommand("mv", QuoteString(f"{path}.new"), QuoteString(path))
    if record.state == "good":
        # For the monitor, to which a record is JSON, and a file's time another option in each ls.
        stamp = QuoteString(f"{plan.detected.directory}/deployed")
        moved = StringCommand(moved, "&& date +%s >", stamp)
    if host.put_file(io.BytesIO(content), f"{path}.new") and host.run_shell_command(moved)[0]:
        return True
    return refused(host, f"the release's record can't be written: {path}")
