"""Geometry of the report's pictures: across in percent of the width, down in pixels.

So a picture fills a phone as well as a wide screen, and its text keeps its size.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stack.quantities import cores_of
from stack.report.model import ShownMap

ROW_PX = 36
COLUMN_PX = 72
"""How high the busiest core of all maps is drawn."""


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


def core_pictures(maps: Iterable[ShownMap]) -> tuple[CorePicture, ...]:
    """Draw maps beside each other, all on the scale of the busiest core of any."""
    drawn = [shown for shown in maps if shown.services]
    busiest = max((load for shown in drawn for load in shown.core_loads), default=1.0)
    return tuple(_core_picture(shown, max(1.0, busiest)) for shown in drawn)


def _core_picture(shown: ShownMap, busiest: float) -> CorePicture:
    """Draw a map: a column a core, a bar for each run of cores that a service may use."""
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
