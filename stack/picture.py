"""Geometry of the report's pictures: across in percent of the width, down in pixels.

So a picture fills a phone as well as a wide screen, and its text keeps its size.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stack.measured import Span
from stack.quantities import cores_of
from stack.report import ShownMap
from stack.timeline import Wait

ROW_PX = 36
COLUMN_PX = 72
"""How high a core is drawn that carries as much as the busiest."""
MAX_TICKS = 6


@dataclass(frozen=True)
class Bar:
    """Across, from where and how far, in percent."""

    x: float
    width: float


@dataclass(frozen=True)
class Column:
    """One core with what it carries."""

    core: int
    load: float
    across: Bar
    height_px: float


@dataclass(frozen=True)
class CoreRow:
    """One service with the cores of its cpuset."""

    name: str
    words: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Band:
    """Columns that are counted to one core level."""

    words: str
    across: Bar


@dataclass(frozen=True)
class CorePicture:
    """A map of cores."""

    map: ShownMap
    bands: tuple[Band, ...]
    columns: tuple[Column, ...]
    rows: tuple[CoreRow, ...]
    anywhere: tuple[str, ...]
    """Services without a cpuset, with their CPUs."""
    one_cpu_px: float
    """How high one CPU is drawn."""


def core_picture(shown: ShownMap) -> CorePicture:
    """Draw a map: a column a core, a bar for each run of cores that a service may use."""
    busiest = max(1.0, *shown.core_loads)
    pinned = {name: it for name, it in shown.services.items() if it.cpuset}
    return CorePicture(
        map=shown,
        bands=tuple(_bands(shown.levels, shown.cpus)),
        columns=tuple(
            Column(core, load, _cell(core, core, shown.cpus), COLUMN_PX * load / busiest)
            for core, load in enumerate(shown.core_loads)
        ),
        rows=tuple(
            CoreRow(
                name,
                f"{count_cpus(place.cpus)} on {cores_in_words(place.cpuset or '')}",
                tuple(_runs(cores_of(place.cpuset or "0"), shown.cpus)),
            )
            for name, place in sorted(pinned.items(), key=lambda it: cores_of(it[1].cpuset or "0"))
        ),
        anywhere=tuple(
            f"{name} {it.cpus:g}" for name, it in shown.services.items() if not it.cpuset
        ),
        one_cpu_px=COLUMN_PX / busiest,
    )


def count_cpus(cpus: float) -> str:
    """A number of CPUs for people."""
    return f"{cpus:g} CPU" if cpus == 1 else f"{cpus:g} CPUs"


def cores_in_words(cpuset: str) -> str:
    """A cpuset for people."""
    return f"core {cpuset}" if cpuset.isdecimal() else f"cores {cpuset.replace(',', ', ')}"


def _bands(levels: Iterable[tuple[str, int]], cpus: int) -> Iterable[Band]:
    first = 0
    for name, cores in levels:
        last = min(first + cores, cpus) - 1
        if last >= first:
            yield Band(f"{name}: {last - first + 1}", _cell(first, last, cpus))
        first = last + 1


def _cell(first: int, last: int, cpus: int) -> Bar:
    return Bar(100 * first / cpus, 100 * (last - first + 1) / cpus)


def _runs(cores: tuple[int, ...], cpus: int) -> Iterable[Bar]:
    """Bars of cores that follow each other."""
    first = previous = cores[0]
    for core in (*cores[1:], None):
        if core == previous + 1:
            previous = core
            continue
        yield _cell(first, previous, cpus)
        if core is not None:
            first = previous = core


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
    length = max(it.span.ended_s for it in waits) - begin
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
    length = max(it.ended_s for it in spans) - begin
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
    scale = 100 / length_s if length_s else 100
    return Bar((begun_s - begin_s) * scale, max(0.4, (ended_s - begun_s) * scale))


def _ticks(length_s: float) -> Iterable[tuple[float, str]]:
    """Round moments, a few of them, in percent of the whole."""
    steps = (factor * 10.0**power for power in range(-2, 6) for factor in (1, 2, 5))
    step = next(step for step in steps if length_s / step <= MAX_TICKS)
    number = 0
    while number * step <= length_s and length_s:
        yield 100 * number * step / length_s, f"{number * step:g} s"
        number += 1


@dataclass(frozen=True)
class MemoryRow:
    """What a service uses, of its limit."""

    name: str
    used: Bar
    limit: Bar


def memory_rows(sizes: Mapping[str, tuple[int, int]]) -> tuple[MemoryRow, ...]:
    """Draw used bytes and limits, all on the scale of the largest limit.

    + sizes: service → bytes used, and its limit
    """
    largest = max((limit for _, limit in sizes.values()), default=1) or 1
    return tuple(
        MemoryRow(name, Bar(0, 100 * used / largest), Bar(0, 100 * limit / largest))
        for name, (used, limit) in sizes.items()
    )
