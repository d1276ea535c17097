"""Wait until containers are healthy, told by the daemon's event stream, each with a deadline."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import gevent
from docker import APIClient
from gevent.queue import Empty, Queue

from operations.progress import Progress
from stack.release.images import STACK_LABEL

LOG_LINES = 20
DEATHS = 3
"""A container that ended so often since its start does not become healthy by waiting."""


class ServiceFailedError(Exception):
    """A service doesn't become healthy; the text is what a person needs to know of it."""


@dataclass(frozen=True)
class News:
    """Something that happened to a container, or to the stream that tells of it."""

    container_id: str | None
    """None: it happened to the stream itself."""
    what: str
    """healthy, unhealthy, kill (it got a signal), die, or what went wrong"""
    at: float = field(default_factory=monotonic)


@dataclass(frozen=True)
class _Awaited:
    container_id: str
    deadline_s: float
    until: float
    deaths: int


class HealthWatch:
    """Containers of one stack that are waited for, by the names that people know them by."""

    def __init__(self, api: APIClient, stack: str, progress: Progress) -> None:
        self._api, self._stack, self._progress = api, stack, progress
        self._awaited: dict[str, _Awaited] = {}
        self._deaths: dict[str, int] = {}
        self._news: Queue[News] = Queue()
        self.left_at: dict[str, float] = {}
        """Container id → when it was told to end, or ended, of those that nobody waits for."""
        self.healthy_at: dict[str, float] = {}
        """Name → when it became healthy."""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While inside, the daemon's events of this stack's containers become news."""
        stream = self._api.events(
            decode=True,
            filters={
                "type": "container",
                "label": f"{STACK_LABEL}={self._stack}",
                "event": ["health_status", "kill", "die"],
            },
        )

        def read() -> None:
            try:
                for event in stream:
                    what = event["Action"].removeprefix("health_status: ")
                    self._news.put(News(event["Actor"]["ID"], what))
                self._news.put(News(None, "the daemon ended its event stream"))
            except Exception as error:  # whatever it is, it is told
                self._news.put(News(None, f"the daemon's event stream broke: {error}"))

        reader = gevent.spawn(read)
        try:
            yield
        finally:
            reader.kill()
            stream.close()

    def expect(self, name: str, container_id: str, deadline_s: float, deaths: int = DEATHS) -> None:
        """Wait for a container from now on, until it has ended so often."""
        self._progress.begin(name)
        until = monotonic() + deadline_s
        self._awaited[name] = _Awaited(container_id, deadline_s, until, deaths)

    def tell(self, container_id: str, what: str) -> None:
        """Add news that no event brings: it was healthy already, or it can't be started."""
        self._news.put(News(container_id, what))

    def __bool__(self) -> bool:
        """Whether any container is waited for."""
        return bool(self._awaited)

    def next_healthy(self) -> str | None:
        """Wait for the next news: who became healthy by it, if anybody.

        ServiceFailedError when a container fails, its deadline passes, or the stream breaks.
        """
        name, awaited = min(self._awaited.items(), key=lambda item: item[1].until)
        try:
            news: News = self._news.get(timeout=max(0, awaited.until - monotonic()))
        except Empty:
            why = f"not healthy within {awaited.deadline_s:.0f} s"
            raise self._failure(name, why) from None
        return self._take(news)

    def _take(self, news: News) -> str | None:
        if news.container_id is None:
            raise ServiceFailedError(news.what)
        by_id = {it.container_id: name for name, it in self._awaited.items()}
        name = by_id.get(news.container_id)
        if name is None:
            # Who is told to end may take nobody new from then on, and still serve those it has.
            if news.what in ("kill", "die"):
                self.left_at.setdefault(news.container_id, news.at)
            return None
        if news.what == "healthy":
            del self._awaited[name]
            self._progress.end(name, "healthy")
            self.healthy_at[name] = news.at
            return name
        if news.what == "kill":
            return None  # What becomes of it is told next.
        if news.what == "die":
            self._deaths[name] = self._deaths.get(name, 0) + 1
            if self._deaths[name] < self._awaited[name].deaths:
                return None
            times = f"{self._deaths[name]} times" if self._deaths[name] > 1 else "once"
            raise self._failure(name, f"ended {times} since its start")
        raise self._failure(name, news.what)

    def _failure(self, name: str, why: str) -> ServiceFailedError:
        """Gather what a person needs to see why a container fails."""
        found = self._api.inspect_container(self._awaited[name].container_id)
        state = found["State"]
        log = self._api.logs(found["Id"], tail=LOG_LINES).decode(errors="replace").rstrip()
        checks = (state.get("Health") or {}).get("Log") or [{"Output": "it never ran"}]
        status = f"{state['Status']}, exit status {state['ExitCode']}"
        if state["OOMKilled"]:
            status += ", killed for its memory limit"
        return ServiceFailedError(
            f"{name}: {why} ({status})\n"
            f"its last {LOG_LINES} log lines:\n{log or '(none)'}\n"
            f"its health check said:\n{checks[-1]['Output'].strip() or '(nothing)'}"
        )


def health_of(inspected: dict[str, Any]) -> str | None:
    """starting, healthy or unhealthy, as the daemon keeps it; None without a health check."""
    health: str | None = (inspected["State"].get("Health") or {}).get("Status")
    return health
