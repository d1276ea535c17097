"""When a failed operation leads back to the former release, and when it doesn't."""

from types import SimpleNamespace

import pytest
from pyinfra.api.config import Config
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.state import State
from pyinfra.context import ctx_config, ctx_state

from operations import lock, restore
from stack.errors import DrydockError

STATE = SimpleNamespace(get_op_meta=lambda _hash: SimpleNamespace(names={"Start services"}))


class HostDouble:
    def __init__(self):
        self.said = []
        self.name = "mac1"

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


@pytest.fixture
def given_up(host, restored):
    """What is restored when pyinfra gives a run up, as far as it had come."""

    def ended(restorer_of=lambda restorer: None, *, answer=True):
        run, other = State(), HostDouble()
        run.config, run.failed_hosts = Config(FAIL_PERCENT=0), set()
        run.should_raise_failed_hosts, run.callback_handlers = lambda _: answer, []
        run.activated_hosts = run.active_hosts = {host, other}
        host.state = run
        with ctx_state.use(run), ctx_config.use(run.config):
            restorer_of(restore.on_failure(host, "plan"))
            try:
                run.fail_hosts({other})
            except PyinfraError:
                return restored
        assert not answer
        return restored

    return ended


def test_hosts_on_which_nothing_failed_go_back_when_the_run_is_given_up(host, given_up):
    assert given_up() == [(host, "plan", "too many hosts failed, so the run was given up")]


def test_one_that_was_verified_stays_when_the_run_is_given_up(given_up):
    assert given_up(lambda it: it.until(SimpleNamespace(is_complete=lambda: True))) == []


def test_none_goes_back_when_the_run_goes_on(given_up):
    assert given_up(answer=False) == []


def test_one_that_works_on_by_itself_is_left_to_it(host, given_up):
    assert given_up(lambda it: it.operation_host_start(STATE, host, "hash")) == []


def test_one_that_failed_itself_went_back_already(host, given_up):
    restored = given_up(lambda it: it.operation_host_error(STATE, host, "hash"))
    assert [why for _, _, why in restored] == ["the operation 'Start services' failed"]


def test_between_two_operations_it_goes_back(host, given_up):
    def works(restorer):
        restorer.operation_host_start(STATE, host, "hash")
        restorer.operation_host_success(STATE, host, "hash")

    assert len(given_up(works)) == 1
