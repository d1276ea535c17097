"""What a record says of a rollback, from before the switch to the verdict."""

from types import SimpleNamespace

import pytest

from operations import records
from stack.changes.change import Changes
from stack.release.kept import KeptRelease, Record


@pytest.fixture
def written(monkeypatch):
    """Records as they are on the host, by release."""
    found = {"old": Record(release="old", number=1, deployed_at="", who="anna", state="good")}

    def write(_host, _plan, record):
        found[record.release] = record
        return True

    def kept(*_):
        return [KeptRelease(it.release, it, None, ()) for it in found.values()]

    monkeypatch.setattr(records, "_write", write)
    monkeypatch.setattr(records, "kept_releases", kept)
    monkeypatch.setattr(records, "_images", lambda *_: {})
    monkeypatch.setattr(records, "_timeline", lambda *_: None)
    monkeypatch.setattr(records.journal, "end", lambda *_: True)
    monkeypatch.setattr(records, "operator", lambda: "anna")
    return found


def back_to(release):
    """The plan of a rollback, as far as records read it."""
    return SimpleNamespace(
        release=SimpleNamespace(id=release), current=SimpleNamespace(id="now"),
        settings=SimpleNamespace(why=None), changes=Changes(()),
        detected=SimpleNamespace(directory="/d"),
    )  # fmt: skip


@pytest.fixture
def last(monkeypatch):
    """What is done right before the lock is given back."""
    actions = []
    monkeypatch.setattr(records.lock, "at_end", lambda _host, action: actions.append(action))
    return actions


@pytest.mark.parametrize(("to", "state"), [("old", "good"), ("mixture", "unfinished")])
def test_a_rollback_is_marked_until_its_run_has_ended(written, last, to, state):
    plan = back_to(to)
    assert records._going_back(None, plan)
    assert (written[to].gone_back_from, written[to].state) == ("now", state)
    assert records.note(None, plan, "good", ())
    assert (written[to].gone_back_from, written[to].state) == ("now", "good")
    (action,) = last
    assert action()
    assert (written[to].gone_back_from, written[to].state) == (None, "good")
    assert written[to].number == (1 if to == "old" else 2)


def test_one_that_is_no_good_is_marked_no_more(written, last):
    plan = back_to("old")
    assert records._going_back(None, plan)
    assert records.note(None, plan, "failed", ("risk is unhealthy",))
    assert (written["old"].gone_back_from, written["old"].state) == (None, "failed")
    assert last == []
