"""Docker is restarted for a port that it has lost, and for no other reason."""

from types import SimpleNamespace

import pytest
from docker.errors import APIError, NotFound

from facts.ports import Listener
from facts.vm import VmInfo
from operations import regain
from stack.changes.change import Change, Changes
from tests.demo import demo_host, demo_inputs, demo_release

TAKEN = "Bind for 127.0.0.1:8200 failed: port is already allocated."
IN_USE = "listen tcp4 127.0.0.1:8200: bind: address already in use"
RESTART = [
    ("/usr/local/bin/docker", "desktop", "stop"),
    ("/usr/local/bin/docker", "desktop", "start"),
]


class DaemonDouble:
    """Answers to the one request that matters: a container's start."""

    def __init__(self, says):
        self.says, self.removed, self.made = says, [], []

    def containers(self, **_):
        return []

    def images(self):
        return [{"Id": "sha256:1"}]

    def create_host_config(self, **said):
        return said

    def create_container(self, image, **said):
        self.made.append((image, said["host_config"]["port_bindings"]))
        return {"Id": "made"}

    def start(self, _):
        if self.says:
            raise APIError(self.says)

    def remove_container(self, name, **_):
        self.removed.append(name)
        if name != "made":
            raise NotFound("no such container")


class HostDouble:
    name = "mac1"

    def __init__(self):
        self.said = []

    def get_fact(self, fact, **_):
        if fact.__name__ == "Vm":
            return VmInfo(program="/usr/local/bin/docker")
        return (Listener(8200, "127.0.0.1"),)

    def log(self, text):
        self.said.append(text)

    def log_styled(self, text, **_):
        self.said.append(text)


@pytest.fixture
def plan(demo_project):
    release = demo_release(demo_project)
    return SimpleNamespace(
        release=release,
        changes=Changes((Change("create", "risk", "container"),)),
        detected=demo_host(),
        observed=SimpleNamespace(containers={}),
        settings=demo_inputs(restart_docker=True).settings,
    )


@pytest.fixture
def mac(monkeypatch):
    """What the daemon says → the daemon, the host, and commands that were run there."""

    def make(says, failure=None):
        api, ran = DaemonDouble(says), []

        def run_all(_, commands):
            ran.extend(commands)
            return failure

        monkeypatch.setattr(regain, "daemon", lambda *_: api)
        monkeypatch.setattr(regain, "running_on", lambda *_: {"demo-store": True})
        monkeypatch.setattr(regain, "run_all", run_all)
        monkeypatch.setattr(regain, "answering", lambda *_: "it answers")
        monkeypatch.setattr(regain, "not_again", lambda *_: [])
        monkeypatch.setattr(regain.journal, "tell", lambda *_, **__: None)
        return api, HostDouble(), ran

    return make


def test_a_port_that_the_daemon_has_given_away_is_regained(plan, mac):
    api, host, ran = mac(TAKEN)
    assert regain._regain(host, plan)
    assert ran == RESTART
    assert api.made == [("sha256:1", {8200: ("127.0.0.1", 8200)})]
    assert api.removed == ["demo-asks-for-port", "made"]
    assert "holds port 8200 for a container that it has lost" in host.said[0]


def test_for_a_port_of_another_program_nothing_is_restarted(plan, mac):
    api, host, ran = mac(IN_USE)
    assert not regain._regain(host, plan)
    assert ran == []
    assert api.removed == ["demo-asks-for-port", "made"]
    assert "port 8200, for risk, is taken by unknown" in host.said[0]


def test_a_restart_that_fails_is_told(plan, mac):
    _, host, ran = mac(TAKEN, failure="docker desktop stop: it does not stop")
    assert not regain._regain(host, plan)
    assert ran == RESTART, "what was perhaps stopped is started"
    assert "it does not stop" in host.said[-1]


@pytest.mark.parametrize(
    ("runtime", "says_so", "may"),
    [("docker-desktop", True, True), ("docker-desktop", False, False), ("linux", True, False)],
)
def test_docker_is_restarted_by_consent_where_there_is_a_way(plan, runtime, says_so, may):
    plan.settings = demo_inputs(restart_docker=says_so).settings
    plan.detected = SimpleNamespace(runtime=SimpleNamespace(runtime=runtime))
    assert regain.restarts_docker(plan) is may
