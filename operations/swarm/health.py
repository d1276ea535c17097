"""Wait until a swarm's services are healthy, each with a deadline, and say why one isn't."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from docker.errors import DockerException
from gevent.event import Event
from pyinfra.api.host import Host
from requests.exceptions import RequestException

from facts.swarm_plan import SwarmPlan
from link.daemon import daemon
from operations.health import DEATHS, LOG_LINES, ServiceFailedError
from operations.progress import Progress
from operations.swarm.nodes import LOOK_S
from stack.swarm.compare import differences, makes_new_tasks
from stack.swarm.spec import MONITOR_S, Spec

Json = dict[str, Any]


@dataclass(frozen=True)
class _Awaited:
    spec: Spec
    until: float
    before: frozenset[str]
    """Ids of the tasks that there were already."""
    rolls: bool
    """Whether Swarm updates it, and has to say that it has."""
    former_update: Json
    """What it said of the update before."""


class TaskWatch:
    """Services of a swarm that are waited for."""

    def __init__(self, host: Host, swarm: SwarmPlan, own: Mapping[str, str], total: int) -> None:
        self._swarm, self._api = swarm, swarm.api
        self._hosts = {id: name for name, id in own.items()}
        self._progress = Progress(host, "start", total)
        self._awaited: dict[str, _Awaited] = {}

    def expect(self, service: str, spec: Spec) -> None:
        """Wait for a service from now on; to be said before it is changed."""
        self._progress.begin(service)
        deadline_s = self._swarm.stack.services[service].health.deadline_s + MONITOR_S
        former = self._swarm.found.services.get(service)
        tasks = self._tasks(spec["Name"]) if former else []
        self._awaited[service] = _Awaited(
            spec=spec,
            until=monotonic() + deadline_s,
            before=frozenset(it["ID"] for it in tasks),
            rolls=former is not None and makes_new_tasks(spec, former.spec),
            former_update=self._update(spec["Name"]) if former else {},
        )

    def until_healthy(self) -> None:
        """Return when all are healthy; ServiceFailedError tells of the first that fails."""
        with self._progress.told():
            while self._awaited:
                for service, awaited in list(self._awaited.items()):
                    if self._is_healthy(service, awaited):
                        del self._awaited[service]
                        self._progress.end(service, "healthy")
                if self._awaited:
                    Event().wait(LOOK_S)

    def _is_healthy(self, service: str, awaited: _Awaited) -> bool:
        """Whether the task that should run does, on its node: it runs only when it is healthy."""
        update = self._update(awaited.spec["Name"])
        state = "" if update == awaited.former_update else update.get("State", "")
        tasks = self._tasks(awaited.spec["Name"])
        wanted = [it for it in tasks if _is_of(it, awaited.spec)]
        if state.startswith(("rollback", "paused")):
            raise self._failure(service, wanted, f"its update failed, Swarm says {state}")
        failed = [it for it in wanted if it["Status"]["State"] in ("failed", "rejected")]
        if len([it for it in failed if it["ID"] not in awaited.before]) >= DEATHS:
            raise self._failure(service, wanted, f"ended {DEATHS} times since its start")
        home = self._swarm.places[service].node
        runs = [
            it
            for it in wanted
            if it["Status"]["State"] == it["DesiredState"] == "running"
            and self._hosts.get(it.get("NodeID", "")) == home
        ]
        if runs and (state == "completed" or not awaited.rolls):
            return True
        if monotonic() > awaited.until:
            raise self._failure(service, wanted, "not healthy in time")
        return False

    def _update(self, name: str) -> Json:
        return self._api.inspect_service(name).get("UpdateStatus") or {}

    def _tasks(self, name: str) -> list[Json]:
        found: list[Json] = self._api.tasks(filters={"service": name})
        return sorted(found, key=lambda it: str(it["CreatedAt"]))

    def _failure(self, service: str, tasks: list[Json], why: str) -> ServiceFailedError:
        """Gather what a person needs to see why a service fails: node, state, last log lines."""
        if not tasks:
            return ServiceFailedError(f"{service}: {why} (no task of it was ever made)")
        ended = [it for it in tasks if it["Status"]["State"] in ("failed", "rejected")]
        task = (ended or tasks)[-1]
        host = self._hosts.get(task.get("NodeID", ""))
        status = task["Status"]
        said = status.get("Err") or status.get("Message") or ""
        return ServiceFailedError(
            f"{service}: {why} (on {host or 'no node'}: {status['State']}, {said})\n"
            f"its last {LOG_LINES} log lines:\n{self._log(host, task) or '(none)'}"
        )

    def _log(self, host: str | None, task: Json) -> str:
        container = (task["Status"].get("ContainerStatus") or {}).get("ContainerID")
        if not host or not container:
            return ""
        look = self._swarm.looks[host]
        try:
            log: bytes = daemon(look.host, look.detected.runtime).logs(container, tail=LOG_LINES)
        except (DockerException, RequestException) as error:
            return f"(can't be read: {error})"
        return log.decode(errors="replace").rstrip()


def _is_of(task: Json, spec: Spec) -> bool:
    """Whether a task was made from this version of its service."""
    wanted = spec["TaskTemplate"]
    return not any(
        True
        for part in ("ContainerSpec", "Resources")
        for _ in differences(wanted[part], task["Spec"].get(part), part)
    )
