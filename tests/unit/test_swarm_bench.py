"""The benchmark of a swarm that loses its leader, in front of doubles of three managers."""

from types import SimpleNamespace

import pytest

from bench import swarm
from bench.command import BenchError, Finished
from stack.model import Stack
from tests.demo import STACK

STATES = {name: SimpleNamespace(name=name, socket="/s", cli="docker") for name in "abc"}


class Cluster:
    """Three managers: what runs where, who leads, and what was done to them."""

    def __init__(self):
        self.running = {"a": {"postgres", "risk"}, "b": {"redis"}, "c": {"page", "archive"}}
        self.leader, self.down, self.did = "a", set(), []
        self.workers, self.asked, self.promoted_when_asked = set(), 0, 99
        self.is_lost = False
        """Whether the managers that are left are too few."""

    def docker(self, name, *words):
        match words[:2]:
            case ("ps", _):
                return "\n".join(self.running[name])
            case ("info", _):
                return f"node-{name}"
            case ("node", "inspect"):
                if name in self.workers:
                    self.asked += 1
                    if self.asked < self.promoted_when_asked:
                        raise BenchError("this node is not a swarm manager")
                    self.workers = set()
                if words[-1] == swarm.LEADS:
                    return str(name == self.leader).lower()
                alone = self.is_lost and any(it.endswith(" killed") for it in self.did)
                return "ready unreachable" if alone else "ready reachable"
            case ("node", "ls"):
                return "Ready\nReady\nDown"
            case ("node", "demote"):
                self.workers, self.asked, self.promoted_when_asked = {name}, 0, 99
                self.leader = {"a": "b", "b": "c"}[name]
            case ("node", "promote"):
                # It learns of it a while later.
                self.promoted_when_asked = self.asked + 3
        self.did.append(" ".join((name, *words)))
        return ""

    def kill(self, name):
        assert not self.workers, "two managers are left, of which none may be lost"
        self.did.append(f"{name} killed")
        self.leader = next(it for it in "abc" if it != name)
        # What has data waits for its node.
        moved = self.running[name] - {"archive"}
        self.running[self.leader] |= moved

    def deploy(self, command):
        self.did.append("deploy")
        return Finished(2.0, 0, ((0, "no changes: demo on 3 nodes"),))


@pytest.fixture
def cluster(monkeypatch):
    made = Cluster()
    monkeypatch.setattr(swarm._Trial, "_docker", lambda _, name, *words: made.docker(name, *words))
    monkeypatch.setattr(swarm, "run", made.deploy)
    monkeypatch.setattr(swarm, "SAMPLE_S", 0.001)
    monkeypatch.setattr(
        swarm,
        "Faults",
        lambda _, state: SimpleNamespace(
            end_daemon=lambda _: made.kill(state.name),
            start_daemon=lambda: made.did.append(f"{state.name} started"),
        ),
    )
    return made


@pytest.fixture
def trial():
    services = {
        name: {**STACK["services"]["page"], "needs": [], "port": None, "host_port": None,
               "page": None, "volumes": {f"{name}-data": "/data"} if name == "archive" else {}}
        for name in ("postgres", "redis", "risk", "page", "archive")
    }  # fmt: skip
    stack = Stack.model_validate({**STACK, "services": services})
    return swarm._Trial(None, STATES, stack, ["deploy"])


def test_a_leader_without_stores_is_lost_and_joins_again(cluster, trial):
    result = trial.result(1)
    assert cluster.did == [
        "deploy", "deploy",
        "a node demote node-a", "b node promote node-a",
        "b node demote node-b", "c node promote node-b",
        "c killed", "c started", "c swarm leave --force",
        "deploy", "deploy",
    ]  # fmt: skip
    assert result.samples["services without data that ran on the lost host"] == [1]
    assert result.targets[0].met


def test_what_has_no_quorum_is_no_result(cluster, trial):
    cluster.is_lost = True
    with pytest.raises(BenchError, match="a is ready unreachable without c: no quorum is kept"):
        trial.result(1)


def test_a_service_that_does_not_come_back_is_no_result(cluster, trial, monkeypatch):
    monkeypatch.setattr(swarm, "PATIENCE_S", 0.01)
    monkeypatch.setattr(cluster, "kill", lambda name: setattr(cluster, "leader", "a"))
    with pytest.raises(BenchError, match="all without data are back"):
        trial.result(1)
