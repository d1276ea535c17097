"""The starter against a double of the daemon's API; the stories play it against real daemons."""

import re
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent.queue import Queue

from operations.health import ServiceFailedError
from operations.start import Starter, Startup
from tests.demo import demo_release

END = StopIteration
DRAINS_S = 0.2


class DaemonDouble:
    """Containers that become what `fates` says as soon as they are started."""

    def __init__(self, release, fates):
        self.fates, self.started = fates, []
        self.states: dict[str, dict[str, Any]] = {
            release.stack.container_name(name): {"Status": "created", "ExitCode": 0}
            | {"Running": False, "OOMKilled": False, "Health": {"Status": "starting", "Log": []}}
            for name in release.containers
        }
        self._events = Queue()

    def inspect_container(self, name_or_id):
        name = name_or_id.removeprefix("id of ")
        return {"Id": f"id of {name}", "State": self.states[name]}

    def events(self, **_filters):
        return self

    def __iter__(self):
        return iter(self._events.get, END)

    def close(self):
        self._events.put(END)

    def start(self, container_id):
        name = container_id.removeprefix("id of ")
        self.started.append(name)
        self.states[name]["Status"] = "running"
        for what in self.fates.get(name, ["health_status: healthy"]):
            if what == "stream ends":
                self._events.put(END)
                continue
            if what.startswith("health_status: "):
                self.states[name]["Health"]["Status"] = what.removeprefix("health_status: ")
            self._events.put({"Action": what, "Actor": {"ID": container_id}})

    def happens(self, what, container_id):
        self._events.put({"Action": what, "Actor": {"ID": container_id}})

    def logs(self, _container_id, tail):
        assert tail == 20
        return b"the last words"


class HostDouble:
    name = "mac"

    def __init__(self):
        self.said = []

    def log(self, message, **_options):
        self.said.append(message)

    def log_styled(self, message, **_options):
        self.said.append(message)


@pytest.fixture
def release(demo_project):
    return demo_release(demo_project)


def start(release, gate=None, **fates):
    daemon, host, startup = DaemonDouble(release, fates), HostDouble(), Startup()
    starter = Starter(host, daemon, release, set(release.containers), gate=gate)
    succeeded = starter.run(set(), lambda _group: None, startup)
    return succeeded, daemon, "\n".join(host.said), startup


def test_services_start_phase_by_phase_and_are_timed(release):
    succeeded, daemon, _, startup = start(release)
    assert succeeded
    assert daemon.started == ["demo-store", "demo-risk-engine", "demo-page"]
    assert set(startup.seconds_to_healthy) == {"store", "risk", "page"}


def test_each_phase_that_starts_something_is_named_as_it_begins(release):
    _, _, said, _ = start(release)
    told = [line for line in said.splitlines() if line.startswith(("phase", "1/", "2/", "3/"))]
    assert [re.sub(r"[\d.]+ s\b", "… s", line) for line in told] == [
        "phase infrastructure: store; … s since the run began",
        "1/3 store healthy in … s",
        "phase engines: risk; … s since the run began",
        "2/3 risk healthy in … s",
        "phase frontend: page; … s since the run began",
        "3/3 page healthy in … s",
    ]


class GateDouble:
    """A Mac that is hot, or not; it counts who asks."""

    def __init__(self, cool):
        self.cool, self.asked = cool, []

    def cool_enough(self, _host, what):
        self.asked.append(what)
        return self.cool


def two_at_once(project):
    """A release with two services of one phase that need nobody."""
    return demo_release(project, {"risk": {"phase": "infrastructure", "needs": []}})


@pytest.mark.parametrize(("cool", "started"), [(True, 2), (False, 1)])
def test_on_a_hot_mac_services_start_one_at_a_time(demo_project, cool, started):
    gate = GateDouble(cool)
    release = two_at_once(demo_project)
    _, daemon, *_ = start(release, gate, **{"demo-store": ["health_status: unhealthy"]})
    assert len(daemon.started) == started
    assert gate.asked == ["starting"]


def test_each_phase_that_starts_something_asks_for_the_heat(release):
    gate = GateDouble(cool=False)
    succeeded, daemon, *_ = start(release, gate)
    assert succeeded
    assert len(daemon.started) == 3
    assert gate.asked == ["starting"] * 3


def test_an_unhealthy_service_stops_the_start_with_its_words(release):
    succeeded, daemon, said, _ = start(
        release, **{"demo-risk-engine": ["health_status: unhealthy"]}
    )
    assert not succeeded
    assert "demo-page" not in daemon.started
    assert "risk: unhealthy" in said
    assert "the last words" in said
    assert "healthy and left running: store" in said
    assert "not started or not healthy: risk, page" in said


def test_a_service_that_keeps_ending_is_given_up(release):
    succeeded, _, said, _ = start(release, **{"demo-store": ["die", "die", "die"]})
    assert not succeeded
    assert "store: ended 3 times since its start" in said


def test_a_service_that_ends_and_recovers_is_waited_for(release):
    succeeded, *_ = start(release, **{"demo-store": ["kill", "die", "health_status: healthy"]})
    assert succeeded


def test_a_lost_event_stream_is_said_at_once(release):
    succeeded, _, said, _ = start(release, **{"demo-store": ["stream ends"]})
    assert not succeeded
    assert "the daemon ended its event stream" in said


def test_a_container_that_fails_to_be_recreated_ends_it(release):
    daemon, host = DaemonDouble(release, {}), HostDouble()
    starter = Starter(host, daemon, release, {"risk"})
    daemon.states["demo-store"]["Health"]["Status"] = "healthy"

    def recreate(group):
        if group == ("risk",):
            raise ServiceFailedError("containers can't be created: risk")

    assert not starter.run({"risk"}, recreate, Startup())
    assert daemon.started == []
    assert "containers can't be created: risk" in "\n".join(host.said)


def test_an_interruption_lasts_from_the_signal_to_the_former_to_the_health_of_the_new(release):
    daemon, host, startup = DaemonDouble(release, {}), HostDouble(), Startup()
    for name in ("demo-store", "demo-risk-engine", "demo-page"):
        daemon.states[name]["Health"]["Status"] = "healthy"
    daemon.states["demo-risk-engine"]["Running"] = True
    inspect = daemon.inspect_container
    generation = ["former"]

    def inspect_container(name):
        found = inspect(name)
        return found | {"Id": f"{generation[0]} {name}"} if "risk" in name else found

    daemon.inspect_container = inspect_container

    def recreate(group):
        if group == ("risk",):
            generation[0] = "id of"
            daemon.states["demo-risk-engine"]["Health"]["Status"] = "starting"
            daemon.happens("kill", "former demo-risk-engine")
            gevent.sleep(DRAINS_S)  # It answers what it has taken, and takes no more.
            daemon.happens("die", "former demo-risk-engine")

    assert Starter(host, daemon, release, {"risk"}).run({"risk"}, recreate, startup)
    assert set(startup.interruption_s) == {"risk"}
    assert DRAINS_S <= startup.interruption_s["risk"] < 5


def test_who_leads_requests_to_a_stand_in_is_replaced_when_that_has_gone(demo_project):
    release = demo_release(demo_project, {"risk": {"phase": "frontend"}, "page": {"needs": []}})
    daemon, host, done = DaemonDouble(release, {}), HostDouble(), []
    daemon.states["demo-store"]["Health"]["Status"] = "healthy"

    @contextmanager
    def standing_in(_watch, services):
        done.append(("stands in", services))
        yield
        done.append(("gone", services))

    replaced = {"risk", "page"}
    starter = Starter(host, daemon, release, set(replaced), routers={"risk": "page"})
    assert starter.run(replaced, lambda group: done.append(("made", group)), Startup(), standing_in)

    assert done == [
        (what, (it,)) for it in ("risk", "page") for what in ("stands in", "made", "gone")
    ]
    assert daemon.started == ["demo-risk-engine", "demo-page"]
