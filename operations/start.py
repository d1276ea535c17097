"""Start services by dependency, and learn their health from the daemon's event stream."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import gevent
from docker import APIClient
from docker.errors import DockerException
from gevent.pool import Pool
from gevent.queue import Empty, Queue
from pyinfra.api.host import Host
from requests.exceptions import RequestException

from link.daemon import MAX_CONNECTIONS
from operations.progress import Progress
from operations.refusal import refused
from stack.images import STACK_LABEL
from stack.model import PHASES
from stack.order import startable
from stack.render import Release

LOG_LINES = 20
DEATHS = 3
"""A service that ended so often since its start does not become healthy by waiting."""

Recreate = Callable[[tuple[str, ...]], bool]


@dataclass
class Startup:
    """What a start measured."""

    seconds_to_healthy: dict[str, float] = field(default_factory=dict)
    """Service → seconds from its start to its first healthy answer."""


@dataclass(frozen=True)
class News:
    """Something that happened to a container, or to the stream that tells of it."""

    container_id: str | None
    """None: it happened to the stream itself."""
    what: str
    """healthy, unhealthy, die, or what went wrong"""


class ServiceFailedError(Exception):
    """A service doesn't become healthy; the text is what a person needs to know of it."""


class Starter:
    """Starts services of one host until all of them are healthy, or one fails."""

    def __init__(self, host: Host, api: APIClient, release: Release, waiting: set[str]) -> None:
        self._host, self._api, self._release = host, api, release
        self._waiting = waiting
        self._ids: dict[str, str] = {}
        self._healthy: set[str] = set()
        self._deadlines: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._news: Queue[News] = Queue()
        self._starts = Pool(MAX_CONNECTIONS - 1)
        self._progress = Progress(host, "waiting for", len(waiting))

    def run(self, replaced: set[str], recreate: Recreate, startup: Startup) -> bool:
        """Start everything, phase by phase.

        + replaced: services whose container must be made anew, when their phase has come
        + recreate: makes the containers of services anew, and says whether it could
        + startup: takes the seconds that each took
        """
        try:
            with self._listening(), self._progress.told():
                self._look(set(self._release.containers) - replaced)
                for phase in PHASES:
                    group = self._of_phase(phase, replaced)
                    if group and not recreate(group):
                        return False
                    self._look(set(group))
                    self._until_healthy(self._of_phase(phase, set(self._waiting)))
        except ServiceFailedError as failure:
            return refused(self._host, f"{failure}\n{self._still_running()}")
        except (DockerException, RequestException) as error:
            return refused(self._host, f"the daemon failed while services started: {error}")
        finally:
            startup.seconds_to_healthy |= self._progress.seconds
        return True

    def _of_phase(self, phase: str, services: set[str]) -> tuple[str, ...]:
        order = self._release.stack.services
        return tuple(name for name in order if name in services and order[name].phase == phase)

    def _look(self, services: set[str]) -> None:
        """Learn the containers' ids, and which services need no waiting for."""
        for service in services:
            found = self._inspect(service)
            self._ids[service] = found["Id"]
            if service not in self._waiting and _health(found) == "healthy":
                self._healthy.add(service)

    def _inspect(self, service: str) -> dict[str, Any]:
        return dict(self._api.inspect_container(self._release.stack.container_name(service)))

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """While inside, the daemon's events of this stack's containers become news."""
        stream = self._api.events(
            decode=True,
            filters={
                "type": "container",
                "label": f"{STACK_LABEL}={self._release.stack.name}",
                "event": ["health_status", "die"],
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
            self._starts.kill()
            reader.kill()
            stream.close()

    def _until_healthy(self, services: tuple[str, ...]) -> None:
        while not set(services) <= self._healthy:
            for service in startable(self._release.stack, self._waiting, self._healthy):
                self._begin(service)
            if not self._deadlines:
                needing = ", ".join(name for name in services if name not in self._healthy)
                raise ServiceFailedError(f"{needing}: what it needs isn't healthy any more")
            self._take(self._next_news())

    def _begin(self, service: str) -> None:
        self._waiting.discard(service)
        self._progress.begin(service)
        self._deadlines[service] = (
            monotonic() + self._release.stack.services[service].health.deadline_s
        )
        self._starts.spawn(self._start, service)

    def _start(self, service: str) -> None:
        """Start, restart or unpause a container; one that is healthy already is told so."""
        container = self._ids[service]
        try:
            state = self._inspect(service)["State"]
            if state["Status"] == "paused":
                self._api.unpause(container)
            elif _health({"State": state}) == "unhealthy":
                self._api.restart(container)
            else:
                self._api.start(container)
            if _health(self._inspect(service)) == "healthy":
                self._news.put(News(container, "healthy"))
        except (DockerException, RequestException) as error:
            self._news.put(News(container, f"can't be started: {error}"))

    def _next_news(self) -> News:
        service, deadline = min(self._deadlines.items(), key=lambda item: item[1])
        try:
            news: News = self._news.get(timeout=max(0, deadline - monotonic()))
            return news
        except Empty:
            seconds = self._release.stack.services[service].health.deadline_s
            raise self._failure(service, f"not healthy within {seconds:.0f} s") from None

    def _take(self, news: News) -> None:
        if news.container_id is None:
            raise ServiceFailedError(news.what)
        service = next((s for s in self._deadlines if self._ids[s] == news.container_id), None)
        if service is None:
            return
        if news.what == "healthy":
            self._healthy.add(service)
            del self._deadlines[service]
            self._progress.end(service, "healthy")
        elif news.what == "unhealthy":
            raise self._failure(service, "unhealthy")
        elif news.what == "die":
            self._deaths[service] = self._deaths.get(service, 0) + 1
            if self._deaths[service] >= DEATHS:
                raise self._failure(service, f"ended {DEATHS} times since its start")
        else:
            raise self._failure(service, news.what)

    def _failure(self, service: str, why: str) -> ServiceFailedError:
        """Gather what a person needs to see why a service fails."""
        found = self._inspect(service)
        state = found["State"]
        log = self._api.logs(found["Id"], tail=LOG_LINES).decode(errors="replace").rstrip()
        checks = (state.get("Health") or {}).get("Log") or [{"Output": "it never ran"}]
        status = f"{state['Status']}, exit status {state['ExitCode']}"
        if state["OOMKilled"]:
            status += ", killed for its memory limit"
        return ServiceFailedError(
            f"{service}: {why} ({status})\n"
            f"its last {LOG_LINES} log lines:\n{log or '(none)'}\n"
            f"its health check said:\n{checks[-1]['Output'].strip() or '(nothing)'}"
        )

    def _still_running(self) -> str:
        running = [name for name in self._release.containers if name in self._healthy]
        rest = [name for name in self._release.containers if name not in self._healthy]
        return (
            f"healthy and left running: {', '.join(running) or 'none'}\n"
            f"not started or not healthy: {', '.join(rest)}"
        )


def _health(inspected: dict[str, Any]) -> str | None:
    return (inspected["State"].get("Health") or {}).get("Status")
