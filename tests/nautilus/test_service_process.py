"""A service as it runs in its container: a real process with its workers."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.nautilus.processes import Running, RunService
from tests.nautilus.servers import eventually

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="CPU affinity is Linux' own")


def probe(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nautilus.probe"],
        env={**os.environ, "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def test_the_probe_tells_a_healthy_service_from_others(run: RunService) -> None:
    healthy = run("risk")
    assert probe(healthy.port).returncode == 0
    unhealthy = Running("risk", REDIS_HOST="127.0.0.1", REDIS_PORT="1")
    try:
        eventually(lambda: '"unhealthy"' in probe(unhealthy.port).stdout)
        seen = probe(unhealthy.port)
        assert seen.returncode == 1
        assert "redis" in seen.stdout
    finally:
        unhealthy.stop()
    gone = probe(unhealthy.port)
    assert gone.returncode == 1
    assert "refused" in gone.stdout


@linux_only
def test_a_worker_that_is_killed_is_replaced(run: RunService) -> None:
    service = run("websocket", WORKERS="3")
    eventually(lambda: len(service.workers()) == 3)
    victim = service.workers()[0]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: victim not in service.workers() and len(service.workers()) == 3)
    assert service.health()["workers"] == 3


@linux_only
def test_threads_follow_the_affinity_while_it_runs(run: RunService) -> None:
    every = os.sched_getaffinity(0)
    if len(every) < 2:
        pytest.skip("one CPU only")
    first, second, *_ = sorted(every)
    service = run("risk", cpus={first})
    assert (service.health()["cpus"], service.health()["threads"]["compute"]) == (1, 1)
    for pid in [service.process.pid, *service.workers()]:
        os.sched_setaffinity(pid, {first, second})
    eventually(lambda: service.health()["cpus"] == 2)
    assert set(service.health()["threads"].values()) == {2}


@linux_only
def test_the_event_loop_has_no_more_threads_than_the_service_has_cpus() -> None:
    nowhere = {"REDIS_HOST": "localhost", "REDIS_PORT": "1"}
    service = Running("risk", cpus={min(os.sched_getaffinity(0))}, **nowhere)
    try:
        # It looks up the name, which is what those threads are for.
        eventually(lambda: b"localhost" in asked(service.port))
        (worker,) = service.workers()
        tasks = Path(f"/proc/{worker}/task").glob("*/comm")
        names = [comm.read_text().strip() for comm in tasks]
        assert names.count("libuv-worker") == 1
    finally:
        service.stop()


def asked(port: int) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.read()
    except (urllib.error.URLError, ConnectionError):
        return b""


def test_a_service_ends_on_sigterm_without_complaint(run: RunService) -> None:
    service = run("analytics", WORKERS="2")
    service.stop()
    assert service.process.returncode == 0
    assert "Traceback" not in service.said()


def test_an_unknown_service_is_refused_by_name() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "nautilus", "rsk"],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    assert result.returncode == 2
    assert "rsk" in result.stderr
    assert "websocket" in result.stderr
