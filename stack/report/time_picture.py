"""Geometry of the report's timelines: on one scale of time, a row below the other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stack.report.measured import Span
from stack.report.picture import Bar
from stack.report.timeline import Wait

MAX_TICKS = 6
LEAST_S = 0.01
"""What is shorter as a whole is drawn as long as this."""


@dataclass(frozen=True)
class TimeRow:
    """One piece of work, and the wait before it."""

    name: str
    words: str
    wait: Bar | None
    work: Bar
    after_row: int | None
    """Row of what it waited for."""


@dataclass(frozen=True)
class TimePicture:
    """Pieces of work, one below the other, on one scale of time."""

    rows: tuple[TimeRow, ...]
    ticks: tuple[tuple[float, str], ...]
    """Across in percent, and its words."""


def start_picture(waits: Sequence[Wait]) -> TimePicture:
    """Draw a start-up: for each service the wait, then from its start until it was healthy."""
    begin = min(it.since_s for it in waits)
    length = max(LEAST_S, max(it.span.ended_s for it in waits) - begin)
    rows = {it.span.name: number for number, it in enumerate(waits)}
    return TimePicture(
        tuple(
            TimeRow(
                it.span.name,
                _took(it.span),
                _piece(it.since_s, it.span.begun_s, begin, length) if it.after else None,
                _piece(it.span.begun_s, it.span.ended_s, begin, length),
                rows.get(it.after or ""),
            )
            for it in waits
        ),
        tuple(_ticks(length)),
    )


def work_picture(spans: Sequence[Span]) -> TimePicture:
    """Draw pieces of work that waited for nothing that is known."""
    begin = min(it.begun_s for it in spans)
    length = max(LEAST_S, max(it.ended_s for it in spans) - begin)
    return TimePicture(
        tuple(
            TimeRow(it.name, _took(it), None, _piece(it.begun_s, it.ended_s, begin, length), None)
            for it in spans
        ),
        tuple(_ticks(length)),
    )


def _took(span: Span) -> str:
    return f"{span.outcome} in {span.seconds:.1f} s"


def _piece(begun_s: float, ended_s: float, begin_s: float, length_s: float) -> Bar:
    scale = 100 / length_s
    return Bar((begun_s - begin_s) * scale, max(0.4, (ended_s - begun_s) * scale))


def _ticks(length_s: float) -> Iterable[tuple[float, str]]:
    """Round moments, a few of them, in percent of the whole."""
    steps = (factor * 10.0**power for power in range(-2, 6) for factor in (1, 2, 5))
    step = next(step for step in steps if length_s / step <= MAX_TICKS)
    number = 0
    while number * step <= length_s:
        yield 100 * number * step / length_s, f"{number * step:g} s"
        number += 1
