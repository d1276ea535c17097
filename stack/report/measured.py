"""What was measured of running services, and the table that shows it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from stack.fields import Data
from stack.quantities import show_memory

Json = Mapping[str, Any]
ENDPOINT_PATIENCE_S = 10
"""How long the endpoint of a healthy container may say no before that counts.

Its service has just become healthy, or a store that it needs has just come back. A container that
the daemon itself doesn't call healthy is asked once.
"""


@dataclass(frozen=True)
class Usage:
    """What a container used over a short while."""

    cpu_percent: float | None
    """Of one core; None when two samples at different times weren't to be had."""
    memory_bytes: int
    limit_bytes: int
    over_s: float


@dataclass(frozen=True)
class Answer:
    """What a health endpoint said."""

    url: str
    problem: str | None
    """None: 200, and the body names the service's own release."""
    latency_ms: float | None
    asked: int = 1
    """How often, until this answer."""

    @property
    def words(self) -> str:
        """The answer in a line."""
        said = self.problem or f"200 in {self.latency_ms:.0f} ms"
        return said if self.asked == 1 else f"{said}, asked {self.asked} times"


@dataclass(frozen=True)
class Row:
    """One service, as it was found."""

    service: str
    image: str
    cores: str
    usage: Usage | None
    health: str
    answer: Answer | None
    seconds_to_healthy: float | None
    """None: it was healthy before this run."""


def usage_between(first: Json, second: Json) -> Usage:
    """CPU between two of the daemon's samples, and memory at the second.

    Memory is counted as `docker stats` does: without file pages that the kernel can drop.
    """
    stats = second["memory_stats"].get("stats", {})
    inactive = stats.get("inactive_file", stats.get("total_inactive_file", 0))
    elapsed_ns = _time_ns(second["read"]) - _time_ns(first["read"])
    used_ns = _cpu_ns(second) - _cpu_ns(first)
    return Usage(
        cpu_percent=100 * used_ns / elapsed_ns if elapsed_ns > 0 else None,
        memory_bytes=max(0, second["memory_stats"].get("usage", 0) - inactive),
        limit_bytes=second["memory_stats"].get("limit", 0),
        over_s=elapsed_ns / 1e9,
    )


def _cpu_ns(sample: Json) -> int:
    return int(sample["cpu_stats"]["cpu_usage"]["total_usage"])


def _time_ns(text: str) -> int:
    """RFC 3339 time with nanoseconds, which datetime can't hold, as nanoseconds since 1970."""
    parts = re.fullmatch(r"(.{19})(?:\.([0-9]+))?(.+)", text)
    if parts is None:
        raise ValueError(f"{text!r} is no time of the daemon's")
    second, fraction, zone = parts.groups(default="")
    seconds = int(datetime.fromisoformat(second + zone).timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0")[:9])


SpanKind = Literal["step", "pull", "build", "start", "load"]


@dataclass(frozen=True)
class Span:
    """A piece of work, from when to when, in seconds since its run began."""

    kind: SpanKind
    name: str
    begun_s: float
    ended_s: float
    outcome: str

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended_s - self.begun_s


class Timeline(Data):
    """What one run did, and when."""

    began_at: str
    spans: tuple[Span, ...] = ()

    def of(self, kind: SpanKind) -> tuple[Span, ...]:
        """Its spans of one kind, in the order in which they began."""
        return tuple(sorted((it for it in self.spans if it.kind == kind), key=_begun))


def _begun(span: Span) -> float:
    return span.begun_s


HEADINGS = ("service", "image", "cores", "CPU %", "memory", "health", "endpoint", "to healthy")


def table(rows: Iterable[Row]) -> list[str]:
    """Lines of a table for a terminal: a heading, then a line a service."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _cells(row: Row) -> tuple[str, ...]:
    usage, answer = row.usage, row.answer
    cpu = "-" if usage is None or usage.cpu_percent is None else f"{usage.cpu_percent:.1f}"
    memory = "-"
    if usage:
        memory = f"{show_memory(usage.memory_bytes)} of {show_memory(usage.limit_bytes)}"
    endpoint = answer.words if answer else "-"
    took = "earlier" if row.seconds_to_healthy is None else f"{row.seconds_to_healthy:.1f} s"
    return (row.service, row.image, row.cores, cpu, memory, row.health, endpoint, took)
