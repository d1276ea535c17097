"""What is waited for on a swarm, and what is said when it doesn't come; the daemons are doubles."""

from types import SimpleNamespace

import pytest

from operations.health import ServiceFailedError
from operations.swarm import health
from operations.swarm.health import TaskWatch
from stack.swarm.placement import Place
from stack.swarm.spec import service_spec
from stack.swarm.steps import Found, FoundService
from tests.demo import demo_inputs, demo_release


class Manager:
    """A manager's daemon, as far as waiting asks it."""

    def __init__(self, *looks):
        self.looks = list(looks)
        self.update = {}

    def tasks(self, filters):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def inspect_service(self, name):
        return {"UpdateStatus": self.update}


class Mac:
    """A host that is told things."""

    name = "mac1"

    def log(self, *_args, **_kwargs):
        """Nobody listens."""


@pytest.fixture
def spec(demo_project):
    release = demo_release(demo_project)
    return service_spec(
        release.stack, "risk", release.containers["risk"], release.map.services["risk"],
        "demo-risk:1", {"store_password": "s1"}, demo_inputs().settings,
    )  # fmt: skip


@pytest.fixture
def watch(demo_project, monkeypatch):
    logs = SimpleNamespace(logs=lambda container, tail: f"{container} has no store".encode())
    monkeypatch.setattr(health, "daemon", lambda *_: logs)
    monkeypatch.setattr(health, "LOOK_S", 0.001)

    def made(manager, services=(), deadline_s=60.0):
        stack = demo_release(demo_project, {"risk": {"health": {"deadline_s": deadline_s}}}).stack
        look = SimpleNamespace(host=None, detected=SimpleNamespace(runtime=None))
        swarm = SimpleNamespace(
            stack=stack, api=manager, places={"risk": Place("mac2", (), "")},
            found=Found(services=dict(services)), looks={"mac1": look, "mac2": look},
        )  # fmt: skip
        return TaskWatch(Mac(), swarm, {"mac1": "n1", "mac2": "n2"}, total=1)

    return made


def task(spec, state, node="n2", id="t1", **status):
    return {
        "ID": id,
        "CreatedAt": id,
        "NodeID": node,
        "Spec": spec["TaskTemplate"],
        "DesiredState": "running" if state in ("starting", "running") else "shutdown",
        "Status": {"State": state, "ContainerStatus": {"ContainerID": "c1"}, **status},
    }


def test_a_service_is_waited_for_until_it_runs_on_its_own_node(watch, spec):
    manager = Manager(
        [], [task(spec, "starting")], [task(spec, "running", node="n1")], [task(spec, "running")]
    )
    waiting = watch(manager)
    waiting.expect("risk", spec)
    waiting.until_healthy()
    assert len(manager.looks) == 1, "the last look alone was enough"


def test_one_that_ends_again_and_again_is_told_with_its_node_and_its_log(watch, spec):
    ended = [task(spec, "failed", id=f"t{i}", Err="task: non-zero exit (1)") for i in range(3)]
    waiting = watch(Manager([*ended, task(spec, "starting", node="n1", id="t9")]))
    waiting.expect("risk", spec)
    with pytest.raises(ServiceFailedError) as failed:
        waiting.until_healthy()
    assert "risk: ended 3 times since its start (on mac2: failed" in str(failed.value)
    assert "non-zero exit (1)" in str(failed.value)
    assert "c1 has no store" in str(failed.value)


def test_an_update_counts_when_swarm_says_so_not_by_what_it_said_of_the_last(watch, spec):
    manager = Manager([task(spec, "running")])
    manager.update = {"State": "completed", "StartedAt": "yesterday"}
    former = {**spec, "EndpointSpec": {"Mode": "vip"}}
    waiting = watch(manager, {"risk": FoundService(former, "mac2")})
    waiting.expect("risk", spec)
    manager.update = {"State": "rollback_completed", "StartedAt": "today"}
    with pytest.raises(ServiceFailedError, match="its update failed, Swarm says rollback"):
        waiting.until_healthy()
    manager.update = {"State": "completed", "StartedAt": "today"}
    waiting.until_healthy()


def test_one_without_a_node_that_has_room_is_told_after_its_deadline(watch, spec, monkeypatch):
    monkeypatch.setattr(health, "MONITOR_S", 0)
    pending = task(spec, "pending", node=None, Err="no suitable node")
    waiting = watch(Manager([{**pending, "DesiredState": "running"}]), deadline_s=0.01)
    waiting.expect("risk", spec)
    with pytest.raises(ServiceFailedError, match=r"not healthy in time \(on no node: pending, no"):
        waiting.until_healthy()
