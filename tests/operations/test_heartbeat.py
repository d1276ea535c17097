"""A run that says nothing for long is made to speak."""

from types import SimpleNamespace

import gevent
import pytest
from pyinfra import logger
from pyinfra.context import ctx_state

from operations.heartbeat import Heartbeat
from operations.progress import Progress
from operations.timing import timeline_of

STATE = SimpleNamespace(get_op_meta=lambda _hash: SimpleNamespace(names={"Build images"}))
SILENCE_S = 0.05
LONG_S = 0.2


class HostDouble:
    name = "mac1"

    def __init__(self):
        self.said = []

    def log(self, message):
        self.said.append(message)
        logger.warning(message)


@pytest.fixture
def host():
    return HostDouble()


@pytest.fixture
def heartbeat(request):
    beating = Heartbeat(getattr(request, "param", SILENCE_S))
    with ctx_state.use(SimpleNamespace()):
        yield beating
    beating.stop()


def test_silence_is_ended_by_what_is_done(host, heartbeat):
    with heartbeat.doing(host, "Look at the host"):
        gevent.sleep(LONG_S)
    assert host.said
    assert set(host.said) == {"Look at the host, 0 s"}


def test_pieces_of_work_are_named_with_their_time(host, heartbeat):
    heartbeat.operation_host_start(STATE, host, "hash")
    with Progress(host, "build", 2).told() as progress:
        progress.begin("risk")
        progress.begin("ml")
        gevent.sleep(LONG_S)
    assert "building: risk 0 s, ml 0 s" in host.said


@pytest.mark.parametrize("heartbeat", [1.0], indirect=True)
def test_who_speaks_is_not_interrupted(host, heartbeat):
    with heartbeat.doing(host, "Look at the host"):
        for _ in range(12):
            gevent.sleep(0.1)
            logger.warning("something")
    assert host.said == []


def test_nothing_is_said_while_nothing_is_done(host, heartbeat):
    with heartbeat.doing(host, "Look at the host"):
        pass
    gevent.sleep(LONG_S)
    assert host.said == []


def test_what_follows_a_failure_is_no_silence_either(host, heartbeat):
    heartbeat.operation_host_start(STATE, host, "hash")
    # pyinfra tells of an error, and the former release is restored in that very call.
    heartbeat.operation_host_error(STATE, host, "hash")
    gevent.sleep(LONG_S)
    assert host.said
    heartbeat.host_disconnect(STATE, host)
    told = len(host.said)
    gevent.sleep(LONG_S)
    assert len(host.said) == told


def test_operations_are_timed(host, heartbeat):
    heartbeat.operation_host_start(STATE, host, "hash")
    heartbeat.operation_host_success(STATE, host, "hash")
    (span,) = timeline_of(host).spans
    assert (span.kind, span.name, span.outcome) == ("step", "Build images", "done")


def test_a_piece_of_work_is_timed_and_counted(host):
    progress = Progress(host, "pull", 2)
    progress.begin("redis:8.0")
    progress.end("redis:8.0", "pulled")
    assert host.said == ["1/2 redis:8.0 pulled in 0.0 s"]
    (span,) = timeline_of(host).of("pull")
    assert span.name == "redis:8.0"
    assert progress.seconds == {"redis:8.0": span.seconds}
    assert progress.words == ""
