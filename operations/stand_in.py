"""A second container of a service that answers while the first one is replaced.

Compose's one-off containers (`compose run`) are made for it: the service's own configuration, no
published port, no claim on the service's name, and Compose leaves them alone afterwards.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from docker import APIClient
from docker.errors import NotFound
from gevent.event import Event
from pyinfra.api.host import Host

from facts.detect import Detected
from operations.docker_cli import compose, docker, run
from operations.health import HealthWatch, ServiceFailedError, health_of
from stack.release.containers import STAND_IN_LABEL
from stack.release.render import Release


class StandIns:
    """Stand-ins on one host."""

    def __init__(
        self,
        host: Host,
        api: APIClient,
        detected: Detected,
        release: Release,
        routers: Mapping[str, str],
    ) -> None:
        self._host, self._api, self._detected, self._release = host, api, detected, release
        self._routers = routers

    @contextmanager
    def for_services(self, watch: HealthWatch, services: tuple[str, ...]) -> Iterator[None]:
        """While inside, requests for these services are led to stand-ins, as far as they have one.

        They go when the services themselves are healthy again. After a failure inside they stay
        and go on answering: the next deploy that succeeds retires them.
        """
        mine = [service for service in services if service in self._routers]
        self._begin(watch, mine)
        self._lead(mine, self._release.stack.stand_in_name)
        yield
        self.retire(*mine)

    def _begin(self, watch: HealthWatch, services: list[str]) -> None:
        try:
            for service in services:
                self._create(watch, service)
            while watch:
                watch.next_healthy()
        except ServiceFailedError:
            # Nothing was led to them yet.
            for service in services:
                self._remove(service)
            raise

    def _create(self, watch: HealthWatch, service: str) -> None:
        self.retire(service)
        name = self._release.stack.stand_in_name(service)
        command = compose(
            self._detected,
            f"{self._detected.directory}/releases/{self._release.id}",
            self._release.compose_file,
            "run", "--detach", "--no-deps", "--no-TTY", "--interactive=false",
            "--name", name, "--label", f"{STAND_IN_LABEL}={service}", service,
        )  # fmt: skip
        run(self._host, command, f"{service}: its stand-in can't be started", lines=20)
        found = self._api.inspect_container(name)
        deadline_s = self._release.stack.services[service].health.deadline_s
        # Nothing starts it again, and it may have ended before it was waited for.
        watch.expect(f"{service} (stand-in)", found["Id"], deadline_s, deaths=1)
        found = self._api.inspect_container(name)
        if health_of(found) == "healthy" or not found["State"]["Running"]:
            watch.tell(found["Id"], "healthy" if found["State"]["Running"] else "die")

    def retire(self, *services: str) -> None:
        """Lead requests to these services themselves again, and remove the stand-ins they have."""
        left = [service for service in services if self._exists(service)]
        self._lead([it for it in left if it in self._routers], lambda service: service)
        for service in left:
            self._remove(service)

    def _lead(self, services: list[str], host_name: Callable[[str], str]) -> None:
        """Lead new requests elsewhere, and wait until those sent the former way have arrived."""
        forgets_after_s = 0.0
        for service in services:
            router = self._routers[service]
            stack = self._release.stack
            routes = stack.services[router].routes
            if routes is None:
                continue
            words = routes.command(service, host_name(service))
            command = docker(self._detected, "exec", stack.container_name(router), *words)
            run(self._host, command, f"{router}: {' '.join(words)} failed", lines=5)
            forgets_after_s = max(forgets_after_s, routes.forgets_after_s)
        # What the router had looked up before, and what is on its way, no event tells of.
        Event().wait(forgets_after_s)

    def _exists(self, service: str) -> bool:
        try:
            self._api.inspect_container(self._release.stack.stand_in_name(service))
        except NotFound:
            return False
        return True

    def _remove(self, service: str) -> None:
        name = self._release.stack.stand_in_name(service)
        grace_s = self._release.stack.services[service].stop_grace_s
        try:
            self._api.stop(name, timeout=grace_s)
            # With the volumes that its image asks for, which have no name: they are nobody's now.
            self._api.remove_container(name, v=True)
        except NotFound:
            return
