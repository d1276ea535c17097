"""A recommendation for people, and as data for group_data."""

import re
from collections.abc import Iterable, Mapping

from stack.display import table
from stack.errors import DrydockError
from stack.model import Allocation
from stack.quantities import show_memory
from stack.report.recommendation import Recommendation, Used

UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
HEAD = ("service", "CPUs p50", "p95", "max", "now", "then", "memory p50", "p95", "max", "now",
        "then", "cores then")  # fmt: skip
NUMBERS = tuple(range(1, 11))


def seconds_of(window: str) -> int:
    """Read a while such as 90m, 12h, 7d or 2w."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", window)
    if match is None:
        raise DrydockError(f"window = {window!r}: write how far to look back as 90m, 12h, 7d or 2w")
    return int(match[1]) * UNITS[match[2]]


def table_of(
    running: Mapping[str, Allocation], used: Mapping[str, Used], found: Recommendation
) -> list[str]:
    """A line a service: what it used, what it may use now, and what it would then."""
    rows = [
        _row(name, running[name], used[name], found.map.services[name]) for name in found.overrides
    ]
    return table(HEAD, rows, right=NUMBERS).splitlines() if rows else []


def _row(name: str, has: Allocation, used: Used, then: Allocation) -> tuple[str, ...]:
    cpus, memory = used.cpus, used.memory_bytes
    return (
        name,
        *(f"{it:.2f}" for it in (cpus.p50, cpus.p95, cpus.max, has.cpus, then.cpus)),
        *(show_memory(int(it)) for it in (memory.p50, memory.p95, memory.max)),
        show_memory(has.memory_bytes),
        show_memory(then.memory_bytes),
        then.cpuset or "any",
    )


def as_data(found: Recommendation, host: str) -> str:
    """A file for group_data: `overrides`, a line a service, with what to know of it above."""
    lines: Iterable[str] = (
        f"recommended from what services used on {host}; it replaces other `overrides`",
        *found.doubts,
        *(f"left alone: {name}, {why}" for name, why in found.left_alone.items()),
    )
    comments = "".join(f"# {line}\n" for line in lines)
    entries = "".join(f"    {name!r}: {dict(of)!r},\n" for name, of in found.overrides.items())
    return f"{comments}\noverrides = {{\n{entries}}}\n"
