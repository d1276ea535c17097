"""A run's turn on a swarm: all of its Macs' locks or none, and a journal on each."""

from types import SimpleNamespace

import pytest
from pyinfra.context import ctx_host, ctx_state

from operations.swarm import turn
from stack.changes.change import Change, Changes
from stack.changes.lock import LockInfo
from stack.errors import DrydockError
from stack.swarm.steps import Step

BUILD = Changes((Change("build", "tide", "image"),))
CREATE = Step("create", "tide", "create on mac2")


class Mac:
    """A host that is told things."""

    def __init__(self, name, state):
        self.name, self.state, self.said = name, state, []

    def log_styled(self, line, **_):
        self.said.append(line)


class State:
    """A run of pyinfra."""

    def __init__(self):
        self.failed_hosts = set()


class Fleet:
    """Three Macs, what was asked of each, and whose lock another holds."""

    def __init__(self, monkeypatch, steps=(CREATE,), images=()):
        self.state = State()
        self.macs = [Mac(f"mac{number}", self.state) for number in (1, 2, 3)]
        self.asked, self.held, self.begun, self.is_where = [], set(), {}, True
        looks = {mac.name: self.look(mac) for mac in self.macs}
        self.swarm = SimpleNamespace(
            looks=looks,
            manager=looks["mac1"],
            changes=bool(steps),
            steps=steps,
            monitors={name: SimpleNamespace(changes=Changes(())) for name in looks},
            release=SimpleNamespace(id="0123456789ab"),
            settings=SimpleNamespace(lock_wait_s=0),
            is_where=lambda _: self.is_where,
        )
        again = SimpleNamespace(is_where=lambda plan: plan.is_where(None))
        monkeypatch.setattr(turn, "plan_swarm", lambda hosts: again)
        monkeypatch.setattr(turn.lock, "hold", self.hold)
        monkeypatch.setattr(turn.lock, "wait_for", lambda host, *_: self.asked.append(host.name))
        monkeypatch.setattr(turn.journal, "begin_work", self.begin)
        for mac in self.macs:
            self.turn = turn.join(mac, self.swarm, BUILD if mac.name in images else Changes(()))

    def look(self, mac):
        return SimpleNamespace(
            name=mac.name,
            host=mac,
            inputs=SimpleNamespace(settings=SimpleNamespace(break_lock=False, why="a test")),
            own_directory="/Users/me/.drydock/demo",
            detected=SimpleNamespace(chip=SimpleNamespace(tag="m1")),
            lock=None,
        )

    def hold(self, host, directory, purpose, lock, *, break_lock):
        self.asked.append(host.name)
        return None if host.name in self.held else (directory, purpose, break_lock)

    def begin(self, host, work, purpose):
        self.begun[host.name] = (purpose, [it.sentence for it in work.changes])
        return True

    def take(self):
        """What each host's operation says."""
        verdicts = []
        with ctx_state.use(self.state):
            for mac in self.macs:
                with ctx_host.use(mac):
                    for command in turn.take._inner(turn=self.turn):
                        verdicts.append(command.function(self.state, mac))
        return verdicts


def test_every_mac_is_locked_once_and_told_what_is_done_to_it(monkeypatch):
    fleet = Fleet(monkeypatch, images=("mac2",))
    assert fleet.take() == [True, True, True]
    assert fleet.asked == ["mac1", "mac2", "mac3"]
    assert fleet.begun == {
        "mac1": (turn.PURPOSE, [CREATE.sentence]),
        "mac2": (turn.PURPOSE, [BUILD.all[0].sentence]),
        "mac3": (turn.PURPOSE, []),
    }


def test_an_image_that_one_mac_lacks_locks_all(monkeypatch):
    fleet = Fleet(monkeypatch, steps=(), images=("mac3",))
    assert fleet.take() == [True, True, True]
    assert fleet.asked == ["mac1", "mac2", "mac3"]


def test_where_nothing_is_to_change_no_lock_is_asked_for(monkeypatch):
    fleet = Fleet(monkeypatch, steps=())
    assert fleet.take() == []
    assert fleet.asked == []


def test_one_that_another_holds_ends_the_run_on_all_and_none_waits(monkeypatch):
    fleet = Fleet(monkeypatch)
    fleet.held = {"mac2"}
    assert fleet.take() == [False, False, False]
    assert fleet.asked == ["mac1", "mac2"], "in order, and none after it"
    assert fleet.begun == {}
    assert fleet.macs[2].said == [
        "nothing was changed: the lock has to be had on every Mac of the swarm"
    ]


def test_a_swarm_that_another_changed_meanwhile_is_left_alone(monkeypatch):
    fleet = Fleet(monkeypatch)
    fleet.is_where = False
    assert fleet.take() == [False, False, False]
    assert "the swarm has changed since it was looked at: run it again" in fleet.macs[0].said
    assert fleet.begun == {}


@pytest.mark.parametrize("error", [DrydockError("mac3: no Docker"), OSError("mac3: no Docker")])
def test_a_host_that_is_lost_on_the_way_ends_the_run_on_all(monkeypatch, error):
    fleet = Fleet(monkeypatch)

    def fails(*_, **__):
        raise error

    monkeypatch.setattr(turn.lock, "hold", fails)
    assert fleet.take() == [False, False, False]
    assert "mac3: no Docker" in fleet.macs[0].said


def test_a_host_that_failed_before_leaves_all_as_they_are(monkeypatch):
    fleet = Fleet(monkeypatch)
    fleet.state.failed_hosts = {fleet.macs[1]}
    assert fleet.take() == [False, False, False]
    assert fleet.asked == []


@pytest.mark.parametrize(
    ("state", "patience_s", "waited"),
    [("held", 60, ["mac2"]), ("held", 0, []), ("dead", 60, [])],
)
def test_anothers_lock_is_waited_for_before_any_is_taken(monkeypatch, state, patience_s, waited):
    fleet = Fleet(monkeypatch)
    fleet.swarm.looks["mac2"].lock = LockInfo(state, "f00")
    fleet.swarm.settings.lock_wait_s = patience_s
    assert turn.waited_for(fleet.swarm) == bool(waited)
    assert fleet.asked == waited


@pytest.mark.parametrize(("failed", "outcome"), [((), "good"), (("mac2",), "failed")])
def test_how_it_went_is_written_on_each(monkeypatch, failed, outcome):
    fleet = Fleet(monkeypatch)
    fleet.state.failed_hosts = {it for it in fleet.macs if it.name in failed}
    said = []
    monkeypatch.setattr(turn.journal, "end", lambda host, *words: said.append(words) or True)
    with ctx_state.use(fleet.state):
        (command,) = turn.end._inner(turn=fleet.turn)
        assert command.function(fleet.state, fleet.macs[0])
    assert said[0][0] == outcome
