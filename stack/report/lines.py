"""The report as lines for a terminal."""

from collections.abc import Iterator

from stack.changes.heat import CAPPED
from stack.report.measured import table
from stack.report.model import Report


def lines(report: Report) -> Iterator[str]:
    """What was measured, where the pages are, and the summary."""
    yield from table(report.rows)
    if report.sampled_s:
        shortest, longest = report.sampled_s
        yield f"CPU over {shortest:.2f} to {longest:.2f} s, 100 % is one core"
    yield from (it.message for it in report.findings if it.code == CAPPED)
    for service in report.services:
        if service.address:
            yield f"{service.page}: {service.address} ({service.name})"
