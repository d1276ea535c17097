"""The report of a run: built from what was measured, and written where the command was run."""

from pathlib import Path

from pyinfra.api.host import Host

from facts.plan import HostPlan
from facts.verify import Verdict
from operations.operator import operator
from operations.start import Startup
from operations.timing import now, since_begin_s, timeline_of
from stack.changes.change import Changes
from stack.changes.observed import ObservedContainer
from stack.errors import DrydockError
from stack.model import Allocation, Finding
from stack.release.kept import read_record
from stack.release.pins import not_pinned
from stack.report.folder import folder_of
from stack.report.maps import as_planned, place_of, shown_maps
from stack.report.measured import Row, Timeline
from stack.report.model import About, Mac, Report, Service, ShownMap
from stack.report.page import page

NOT_HERE = "the release was read from the host, without the data that it was planned from"


def report_of(
    host: Host,
    plan: HostPlan,
    made: Changes,
    startup: Startup,
    verdict: Verdict,
    problems: tuple[str, ...],
    former: str | None = None,
) -> Report:
    """Put together what a run measured.

    + plan: the host as it was when it was verified
    + made: what this run changed
    + startup: what the start measured
    + verdict: what verification found
    + problems: all that is wrong, drift included
    + former: the release that was current before
    """
    detected, unmeasured = plan.detected, {}
    timeline, is_now = _timeline(host, plan)
    if timeline is None or not timeline.of("start"):
        unmeasured["start"] = "no start-up is recorded for this release"
    if timeline is None or not timeline.of("build"):
        unmeasured["builds"] = "nothing was built or pulled by the run that this release is from"
    if not any(row.usage for row in verdict.rows):
        unmeasured["usage"] = "no container's counters could be read"
    if not detected.system:
        unmeasured["system"] = "the host didn't name it"
    if plan.inputs is None:
        unmeasured["findings"] = unmeasured["beside"] = NOT_HERE
    return Report(
        about=_about(host, plan, former),
        mac=Mac(
            chip=detected.chip,
            system=detected.system or None,
            runtime=detected.runtime.runtime,
            docker_version=detected.runtime.version,
            daemon=detected.daemon,
        ),
        services=tuple(_service(plan, row) for row in verdict.rows),
        maps=_maps(plan, unmeasured),
        timeline=timeline,
        timeline_is_now=is_now,
        changes=tuple(change.sentence for change in made.all),
        interruption_s=startup.interruption_s,
        findings=(*plan.release.map.findings, *_unpinned(plan), *plan.findings),
        problems=problems,
        unmeasured=unmeasured,
    )


def _about(host: Host, plan: HostPlan, former: str | None) -> About:
    return About(
        host=host.name,
        stack=plan.release.stack.name,
        release=plan.release.id,
        former=former,
        tag=plan.release.tag,
        made_at=now(),
        who=operator(),
        why=plan.settings.why,
        took_s=round(since_begin_s(), 3),
    )


def _timeline(host: Host, plan: HostPlan) -> tuple[Timeline | None, bool]:
    """This run's, if it started or built anything, or else what is kept with the release."""
    now = timeline_of(host)
    if any(span.kind != "step" for span in now.spans):
        return now, True
    record = read_record(plan.current.record) if plan.current.id == plan.release.id else None
    return (record.timeline if record else None), False


def _found(plan: HostPlan, service: str) -> ObservedContainer | None:
    return plan.observed.containers.get(plan.release.stack.container_name(service))


def _has(plan: HostPlan, service: str) -> Allocation | None:
    """What a service's container has; None when there is none."""
    found, planned = _found(plan, service), plan.release.map.services[service]
    return as_planned(found.resources, planned, plan.detected.daemon.cpus) if found else None


def _service(plan: HostPlan, row: Row) -> Service:
    said, found = plan.release.stack.services[row.service], _found(plan, row.service)
    has, port = _has(plan, row.service), said.published_port
    return Service(
        name=row.service,
        phase=said.phase,
        needs=said.needs,
        found=row,
        place=place_of(has) if has else None,
        reservation_bytes=has.reservation_bytes if has else None,
        running_since=_moment(found.started_at) if found and found.running else None,
        restarts=found.inspected.get("RestartCount") if found else None,
        page=said.page,
        address=f"http://{plan.settings.reached_at}:{port}" if said.page and port else None,
    )


def _moment(daemon_time: str) -> str:
    """The daemon's RFC 3339 time in UTC, to the second."""
    return f"{daemon_time[:19].replace('T', ' ')} UTC"


def _maps(plan: HostPlan, unmeasured: dict[str, str]) -> tuple[ShownMap, ...]:
    found = {service: _has(plan, service) for service in plan.release.containers}
    running = {service: it for service, it in found.items() if it}
    chip, daemon = plan.detected.chip, plan.detected.daemon
    try:
        return shown_maps(running, plan.inputs, chip, daemon)
    except DrydockError as error:
        unmeasured["beside"] = str(error)
        return shown_maps(running, None, chip, daemon)


def _unpinned(plan: HostPlan) -> tuple[Finding, ...]:
    if not plan.unpinned:
        return ()
    said = not_pinned(plan.unpinned, plan.settings.images_lock)
    return (Finding(code="not_pinned", severity="warning", message=said),)


def made_folder(host: str) -> Path:
    """Where the files of a host are; it is made if need be."""
    folder = folder_of(host)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write(report: Report) -> tuple[Path, Path]:
    """Write report.html and report.json of a host, over those of its last run.

    DrydockError where a template is at fault; OSError where the folder can't be written.
    """
    folder = made_folder(report.about.host)
    files = folder / "report.html", folder / "report.json"
    texts = page(report, Path.cwd()), json_of(report)
    for file, text in zip(files, texts, strict=True):
        # In one step: who has it open sees the former one or this one.
        fresh = file.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    return files


def json_of(report: Report) -> str:
    """The report for a program; sizes in bytes, times in seconds."""
    return report.model_dump_json(indent=1) + "\n"
