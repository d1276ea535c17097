"""No run is silent for long: what is under way is named when nothing else has been said."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
from gevent.event import Event
from pyinfra import logger
from pyinfra.api.host import Host
from pyinfra.api.state import BaseStateCallback, State
from pyinfra.context import state

from operations.timing import since_begin_s, timed, under_way

SILENCE_S = 4.0
"""With this much of silence a line is due, so that there are never five seconds of it."""
TOLD_S = 1.0
"""An operation that took longer is told with its time."""


class Heartbeat(BaseStateCallback):
    """Knows what is done on each host now, and says so when nobody says anything."""

    def __init__(self, silence_s: float = SILENCE_S) -> None:
        self._silence_s = silence_s
        self._now: dict[Host, tuple[str, float]] = {}
        self._begun = Event()
        self._listener = _Listener()
        logger.addHandler(self._listener)
        self._beats = gevent.spawn(self._beat)

    @contextmanager
    def doing(self, host: Host, what: str) -> Iterator[None]:
        """While inside, this is what is done on a host."""
        self.begin(host, what)
        try:
            yield
        finally:
            self.end(host)

    def stop(self) -> None:
        """Say nothing any more."""
        self._beats.kill()
        logger.removeHandler(self._listener)

    def begin(self, host: Host, what: str) -> None:
        """From now on this is done on a host."""
        self._now[host] = (what, since_begin_s())
        self._begun.set()

    def end(self, host: Host) -> None:
        """Nothing is done on a host from now on, or it waits for a person."""
        self._now.pop(host, None)
        if not self._now:
            self._begun.clear()

    def _beat(self) -> None:
        while True:
            # Nothing is done while pyinfra asks whether to go on.
            self._begun.wait()
            self._listener.said.clear()
            if self._listener.said.wait(self._silence_s):
                continue
            for host, (what, begun_s) in self._now.items():
                host.log(under_way(host) or f"{what}, {since_begin_s() - begun_s:.0f} s")

    def operation_host_start(  # type: ignore[override]
        self, state: State, host: Host, op_hash: str
    ) -> None:
        """An operation begins on a host."""
        self.begin(host, ", ".join(state.get_op_meta(op_hash).names))

    def operation_host_success(  # type: ignore[override]
        self,
        state: State,  # noqa: ARG002
        host: Host,
        op_hash: str,  # noqa: ARG002
        retry_count: int = 0,  # noqa: ARG002
    ) -> None:
        """It ended well: tell how long it took, if that was long."""
        what, begun_s = self._now[host]
        span = timed(host, "step", what, begun_s, "done")
        if span.seconds >= TOLD_S:
            host.log(f"{what}: {span.seconds:.1f} s, {span.ended_s:.0f} s since the run began")
        self.end(host)

    def host_disconnect(self, state: State, host: Host) -> None:  # type: ignore[override]  # noqa: ARG002
        """Nothing is done on a host any more, after what it takes to restore it, too."""
        self.end(host)


class _Listener(logging.Handler):
    """Hears that something is said."""

    def __init__(self) -> None:
        super().__init__()
        self.said = Event()

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        """Something is said."""
        self.said.set()


_beating: list[Heartbeat] = []


def heartbeat() -> Heartbeat:
    """The heartbeat of this run, which begins with the first call."""
    if not _beating:
        _beating.append(Heartbeat())
        state.add_callback_handler(_beating[0])  # type: ignore[no-untyped-call]
    return _beating[0]
