"""Start services by dependency, phase by phase, and stand in for those that are replaced."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from docker import APIClient
from docker.errors import DockerException
from gevent.pool import Pool
from pyinfra.api.host import Host
from requests.exceptions import RequestException

from link.daemon import MAX_CONNECTIONS
from operations.health import HealthWatch, ServiceFailedError, health_of
from operations.heat import Gate
from operations.progress import Progress
from operations.refusal import refused
from operations.timing import since_begin_s
from stack.changes.order import startable, turns
from stack.model import PHASES
from stack.release.render import Release

Recreate = Callable[[tuple[str, ...]], None]
StandingIn = Callable[[HealthWatch, tuple[str, ...]], AbstractContextManager[None]]


@dataclass
class Startup:
    """What a start measured."""

    seconds_to_healthy: dict[str, float] = field(default_factory=dict)
    """Service → seconds from its start to its first healthy answer."""
    interruption_s: dict[str, float] = field(default_factory=dict)
    """Replaced service → seconds from the end of its former container to its healthy new one."""


def nobody(_watch: HealthWatch, _services: tuple[str, ...]) -> AbstractContextManager[None]:
    """No service has a stand-in."""
    return nullcontext()


class Starter:
    """Starts services of one host until all of them are healthy, or one fails."""

    def __init__(
        self,
        host: Host,
        api: APIClient,
        release: Release,
        waiting: set[str],
        routers: Mapping[str, str] | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._host, self._api, self._release = host, api, release
        self._waiting = waiting
        self._routers = routers or {}
        self._gate, self._one_at_a_time = gate, False
        self._ids: dict[str, str] = {}
        self._healthy: set[str] = set()
        self._starts = Pool(MAX_CONNECTIONS - 1)
        self._progress = Progress(host, "start", len(waiting) + len(self._routers))
        self._watch = HealthWatch(api, release.stack.name, self._progress)

    def run(
        self,
        replaced: set[str],
        recreate: Recreate,
        startup: Startup,
        standing_in: StandingIn = nobody,
    ) -> bool:
        """Start everything, phase by phase.

        + replaced: services whose container must be made anew, when their phase has come
        + recreate: makes the containers of services anew; ServiceFailedError if it can't
        + startup: takes what is measured
        + standing_in: while inside, others answer for services that are replaced
        """
        former: dict[str, str] = {}
        try:
            with self._watch.listening(), self._progress.told():
                self._look(set(self._release.containers) - replaced)
                for phase in PHASES:
                    begins = self._of_phase(phase, replaced | self._waiting)
                    if begins:
                        self._host.log(
                            f"phase {phase}: {', '.join(begins)};"
                            f" {since_begin_s():.0f} s since the run began"
                        )
                    if self._gate and begins:
                        self._one_at_a_time = not self._gate.cool_enough(self._host, "starting")
                    for turn in turns(self._release.stack, begins, self._routers):
                        group = self._of_phase(phase, replaced & turn)
                        former |= self._former_ids(group)
                        with standing_in(self._watch, group):
                            recreate(group)
                            self._look(set(group))
                            self._until_healthy(turn & self._waiting)
        except ServiceFailedError as failure:
            return refused(self._host, f"{failure}\n{self._still_running()}")
        except (DockerException, RequestException) as error:
            return refused(self._host, f"the daemon failed while services started: {error}")
        finally:
            self._starts.kill()
            startup.seconds_to_healthy |= self._progress.seconds
            startup.interruption_s |= self._interruptions(former)
        return True

    def _of_phase(self, phase: str, services: set[str]) -> tuple[str, ...]:
        order = self._release.stack.services
        return tuple(name for name in order if name in services and order[name].phase == phase)

    def _former_ids(self, services: tuple[str, ...]) -> dict[str, str]:
        found = {service: self._inspect(service) for service in services}
        return {service: it["Id"] for service, it in found.items() if it["State"]["Running"]}

    def _interruptions(self, former: dict[str, str]) -> dict[str, float]:
        left_at, healthy_at = self._watch.left_at, self._watch.healthy_at
        return {
            service: healthy_at[service] - left_at[container]
            for service, container in former.items()
            if service in healthy_at and container in left_at
        }

    def _look(self, services: set[str]) -> None:
        """Learn the containers' ids, and which services need no waiting for."""
        for service in services:
            found = self._inspect(service)
            self._ids[service] = found["Id"]
            if service not in self._waiting and health_of(found) == "healthy":
                self._healthy.add(service)

    def _inspect(self, service: str) -> dict[str, Any]:
        return dict(self._api.inspect_container(self._release.stack.container_name(service)))

    def _until_healthy(self, turn: set[str]) -> None:
        while not turn <= self._healthy:
            waiting = turn & self._waiting
            for service in startable(self._release.stack, waiting, self._healthy):
                if self._one_at_a_time and self._watch:
                    break
                self._begin(service)
            if not self._watch:
                needing = ", ".join(
                    it for it in self._release.containers if it in turn - self._healthy
                )
                raise ServiceFailedError(f"{needing}: what it needs isn't healthy any more")
            if name := self._watch.next_healthy():
                self._healthy.add(name)

    def _begin(self, service: str) -> None:
        self._waiting.discard(service)
        deadline_s = self._release.stack.services[service].health.deadline_s
        self._watch.expect(service, self._ids[service], deadline_s)
        self._starts.spawn(self._start, service)

    def _start(self, service: str) -> None:
        """Start, restart or unpause a container; one that is healthy already is told so."""
        container = self._ids[service]
        try:
            found = self._inspect(service)
            if found["State"]["Status"] == "paused":
                self._api.unpause(container)
            elif health_of(found) == "unhealthy":
                self._api.restart(container)
            else:
                self._api.start(container)
            if health_of(self._inspect(service)) == "healthy":
                self._watch.tell(container, "healthy")
        except (DockerException, RequestException) as error:
            self._watch.tell(container, f"can't be started: {error}")

    def _still_running(self) -> str:
        running = [name for name in self._release.containers if name in self._healthy]
        rest = [name for name in self._release.containers if name not in self._healthy]
        return (
            f"healthy and left running: {', '.join(running) or 'none'}\n"
            f"not started or not healthy: {', '.join(rest)}"
        )
