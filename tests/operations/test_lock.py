"""What a run does last on a host whose lock it holds."""

from types import SimpleNamespace

import pytest

from operations import lock


class Dialogue:
    """The process on the host that holds the lock; `done` is what happens, in its order."""

    def __init__(self, done):
        self.done = done

    def say(self, word):
        self.done.append(word)

    def hear(self):
        return "over"

    def close(self):
        self.done.append("closed")


@pytest.fixture
def done():
    return []


HOST = SimpleNamespace(connector=None, name="mac1")


@pytest.fixture
def held(monkeypatch, done):
    """The lock of a host, held."""
    monkeypatch.setattr(lock, "state", SimpleNamespace(add_callback_handler=lambda _: None))
    monkeypatch.setattr(lock, "say_on_interrupt", lambda *_: None)
    monkeypatch.setattr(lock.journal, "end", lambda *_: done.append("journal"))
    held = lock._Held(HOST, Dialogue(done))
    monkeypatch.setattr(lock, "_holding", SimpleNamespace(get=lambda _: held))
    return held


def test_what_is_left_for_the_end_is_done_before_the_lock_is_given_back(held, done):
    lock.at_end(HOST, lambda: done.append("last"))
    assert done == []
    held.host_disconnect(None, HOST)
    assert done == ["last", "journal", "end", "closed"]


def test_a_lost_lock_ends_nothing(held, done):
    lock.at_end(HOST, lambda: done.append("last"))
    held._over.set()
    held.host_disconnect(None, HOST)
    assert "last" not in done


def test_without_a_lock_it_is_done_at_once(monkeypatch, done):
    monkeypatch.setattr(lock, "_holding", SimpleNamespace(get=lambda _: None))
    lock.at_end(None, lambda: done.append("last"))
    assert done == ["last"]
