"""The report as one HTML page that needs no network."""

from pathlib import Path

from stack.release import templates
from stack.report.measured import ENDPOINT_PATIENCE_S, Span
from stack.report.model import Report
from stack.report.picture import COLUMN_PX, ROW_PX, core_pictures, memory_rows
from stack.report.time_picture import start_picture, work_picture
from stack.report.timeline import Wait, waits

PAGE = "report/page.html.j2"
PARTS = ("report/pictures.html.j2", "report/style.css.j2", "report/how.html.j2")


def prepare(project: Path) -> None:
    """Do what takes longest of a report, while a host is waited for in any case."""
    templates.prepare(project, PAGE, *PARTS)
    Report.model_rebuild()


def page(report: Report, project: Path) -> str:
    """Render the page; DrydockError where a template is at fault."""
    starts = _starts(report)
    work = _work(report)
    sizes = {
        row.service: (row.usage.memory_bytes, row.usage.limit_bytes)
        for row in report.rows
        if row.usage and row.usage.limit_bytes
    }
    return templates.render(
        project,
        PAGE,
        report=report,
        row_px=ROW_PX,
        column_px=COLUMN_PX,
        maps=core_pictures(report.maps),
        waits=starts,
        starts=start_picture(starts) if starts else None,
        work=work_picture(work) if work else None,
        spans=work,
        sizes=sizes,
        memory=memory_rows(sizes),
        limits_bytes=sum(it.place.memory_bytes for it in report.services if it.place),
        endpoint_patience_s=ENDPOINT_PATIENCE_S,
        reservations_bytes=sum(it.reservation_bytes or 0 for it in report.services),
    )


def _starts(report: Report) -> tuple[Wait, ...]:
    if report.timeline is None:
        return ()
    needs = {it.name: it.needs for it in report.services}
    phases = {it.name: it.phase for it in report.services}
    return waits(report.timeline.of("start"), needs, phases)


def _work(report: Report) -> tuple[Span, ...]:
    """Pulls and builds, in the order in which they began."""
    if report.timeline is None:
        return ()
    return (*report.timeline.of("pull"), *report.timeline.of("build"))
