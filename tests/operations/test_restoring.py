"""When a failed operation leads back to the former release, and when it doesn't."""

from types import SimpleNamespace

import pytest

from operations import lock, restore
from stack.errors import DrydockError

STATE = SimpleNamespace(get_op_meta=lambda _hash: SimpleNamespace(names={"Start services"}))


class HostDouble:
    def __init__(self):
        self.said = []

    def log_styled(self, message, **_options):
        self.said.append(message)


@pytest.fixture
def host(monkeypatch):
    double = HostDouble()
    monkeypatch.setitem(lock._holding, double, None)
    return double


@pytest.fixture
def restored(monkeypatch):
    calls = []
    monkeypatch.setattr(restore, "restore", lambda *arguments: calls.append(arguments))
    return calls


def test_a_failed_operation_leads_back_and_says_which(host, restored):
    restore.Restorer(host, "plan").operation_host_error(STATE, host, "hash")
    assert restored == [(host, "plan", "the operation 'Start services' failed")]


def test_without_the_lock_nothing_is_touched(restored):
    host = HostDouble()
    restore.Restorer(host, "plan").operation_host_error(STATE, host, "hash")
    assert restored == []


def test_another_host_is_left_alone(host, restored):
    restore.Restorer(host, "plan").operation_host_error(STATE, HostDouble(), "hash")
    assert restored == []


@pytest.mark.parametrize("complete", [True, False])
def test_a_verified_release_stays_whatever_fails_later(host, restored, complete):
    restorer = restore.Restorer(host, "plan")
    restorer.until(SimpleNamespace(is_complete=lambda: complete))
    restorer.operation_host_error(STATE, host, "hash")
    assert bool(restored) != complete


@pytest.mark.parametrize("error", [DrydockError("no release"), ConnectionError("cut")])
def test_what_cannot_be_restored_is_told_and_no_traceback(host, monkeypatch, error):
    def fail(*_):
        raise error

    reported = []
    monkeypatch.setattr(restore, "check", lambda *_, failed: reported.append(failed))
    monkeypatch.setattr(restore, "restore", fail)
    restore.Restorer(host, "plan").operation_host_error(STATE, host, "hash")
    assert str(error) in " ".join(host.said)
    # A host that was lost can't be looked at.
    why = "the operation 'Start services' failed"
    assert reported == ([why] if isinstance(error, DrydockError) else [])
