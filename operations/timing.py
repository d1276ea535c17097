"""How long what took in this run, and what is under way now."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from weakref import WeakKeyDictionary

from pyinfra.api.host import Host

from stack.report.measured import Span, SpanKind, Timeline

_run_began = monotonic()
_run_began_at = datetime.now(UTC)
_spans: "WeakKeyDictionary[Host, list[Span]]" = WeakKeyDictionary()
_shown: "WeakKeyDictionary[Host, list[Callable[[], str]]]" = WeakKeyDictionary()


def since_begin_s() -> float:
    """Seconds since this run began."""
    return monotonic() - _run_began


def now() -> str:
    """The time, as records and reports say it."""
    return _told(datetime.now(UTC))


def _told(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def timed(host: Host, kind: SpanKind, name: str, begun_s: float, outcome: str) -> Span:
    """Keep how long a piece of work took that ends now."""
    span = Span(kind, name, round(begun_s, 3), round(since_begin_s(), 3), outcome)
    _spans.setdefault(host, []).append(span)
    return span


def timeline_of(host: Host) -> Timeline:
    """What this run has done on a host so far."""
    return Timeline(began_at=_told(_run_began_at), spans=tuple(_spans.get(host, ())))


@contextmanager
def shown(host: Host, words: Callable[[], str]) -> Iterator[None]:
    """While inside, these words tell what is under way on a host; empty ones tell nothing."""
    told = _shown.setdefault(host, [])
    told.append(words)
    try:
        yield
    finally:
        told.remove(words)


def under_way(host: Host) -> str:
    """What is being done on a host now, in words; empty when no piece of work has begun."""
    return "; ".join(filter(None, (words() for words in _shown.get(host, ()))))
