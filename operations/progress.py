"""Named pieces of work on a host: each is told when it ends, and timed for the report."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyinfra.api.host import Host

from operations.journal import tell
from operations.timing import shown, since_begin_s, timed
from stack.report.measured import SpanKind

DOING: dict[SpanKind, str] = {
    "pull": "pulling",
    "build": "building",
    "start": "waiting for",
    "load": "bringing back",
}


class Progress:
    """Pieces of work of one kind on a host."""

    def __init__(self, host: Host, kind: SpanKind, total: int) -> None:
        self._host, self._kind, self._total = host, kind, total
        self._begun: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        """Seconds that each finished piece took."""

    def begin(self, name: str) -> None:
        """A piece of work begins now."""
        self._begun[name] = since_begin_s()

    def end(self, name: str, outcome: str) -> None:
        """A piece of work ended: "healthy", "built"."""
        span = timed(self._host, self._kind, name, self._begun.pop(name), outcome)
        self.seconds[name] = span.seconds
        count = f"{len(self.seconds)}/{self._total}"
        self._host.log(f"{count} {name} {outcome} in {span.seconds:.1f} s")
        what = f"{DOING[self._kind]} {name}"
        tell(self._host, "step", what, name, outcome=outcome, seconds=span.seconds)

    @property
    def words(self) -> str:
        """What has begun and hasn't ended: "building: risk 12 s, ml 8 s"."""
        now = since_begin_s()
        pieces = ", ".join(f"{name} {now - begun:.0f} s" for name, begun in self._begun.items())
        return f"{DOING[self._kind]}: {pieces}" if pieces else ""

    @contextmanager
    def told(self) -> Iterator["Progress"]:
        """While inside, what is under way is named whenever nothing else is said for long."""
        with shown(self._host, lambda: self.words):
            yield self
