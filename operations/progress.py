"""Say what is going on while it goes on, so that no wait is silent."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import gevent
from gevent.event import Event
from pyinfra.api.host import Host

from operations.journal import tell

SILENCE_S = 5


class Progress:
    """Named pieces of work on a host: each is told when it ends, all when nothing ended lately."""

    def __init__(self, host: Host, verb: str, total: int) -> None:
        self._host, self._verb, self._total = host, verb, total
        self._begun: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        """Seconds that each finished piece took."""
        self._ended = Event()

    def begin(self, name: str) -> None:
        """A piece of work begins now."""
        self._begun[name] = monotonic()

    def end(self, name: str, outcome: str) -> None:
        """A piece of work ended: "healthy", "built"."""
        self.seconds[name] = monotonic() - self._begun.pop(name)
        count = f"{len(self.seconds)}/{self._total}"
        self._host.log(f"{count} {name} {outcome} in {self.seconds[name]:.1f} s")
        what, seconds = f"{self._verb} {name}", self.seconds[name]
        tell(self._host, "step", what, name, outcome=outcome, seconds=seconds)

    @contextmanager
    def told(self) -> Iterator["Progress"]:
        """While inside, name what is still under way every few seconds."""
        ticker = gevent.spawn(self._tell)
        try:
            yield self
        finally:
            self._ended.set()
            ticker.join()

    def _tell(self) -> None:
        while not self._ended.wait(SILENCE_S):
            now = monotonic()
            under_way = ", ".join(f"{n} {now - t:.0f} s" for n, t in self._begun.items())
            if under_way:
                self._host.log(f"{self._verb}: {under_way}")
