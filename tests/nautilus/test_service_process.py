"""A service as it runs in its container: a real process with its workers."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import eventually, free_port

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="CPU affinity is Linux' own")


class Running:
    def __init__(self, service: str, cpus: set[int] | None = None, **environment: str) -> None:
        self.port = free_port()
        pinned = ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
        self.process = subprocess.Popen(
            [*pinned, sys.executable, "-m", "nautilus", service],
            env={**os.environ, "PORT": str(self.port), **environment},
            stderr=subprocess.PIPE,
            text=True,
        )

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
            return dict(json.load(answer))

    def answers(self) -> bool:
        try:
            return bool(self.health())
        except (urllib.error.URLError, ConnectionError):
            return False

    def workers(self) -> list[int]:
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listing.split()]


@pytest.fixture
def run() -> Iterator[Any]:
    running: list[Running] = []

    def begin(service: str, cpus: set[int] | None = None, **environment: str) -> Running:
        running.append(Running(service, cpus, **environment))
        eventually(running[-1].answers, within_s=30)
        return running[-1]

    yield begin
    for one in running:
        one.process.terminate()
        one.process.wait(timeout=15)
        assert one.process.stderr is not None
        one.process.stderr.close()


def probe(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nautilus.probe"],
        env={**os.environ, "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def test_the_probe_tells_a_healthy_service_from_others(run: Any) -> None:
    healthy = run("risk")
    assert probe(healthy.port).returncode == 0
    unhealthy = Running("risk", REDIS_HOST="127.0.0.1", REDIS_PORT="1")
    try:
        eventually(lambda: '"unhealthy"' in probe(unhealthy.port).stdout)
        seen = probe(unhealthy.port)
        assert seen.returncode == 1
        assert "redis" in seen.stdout
    finally:
        unhealthy.process.terminate()
        unhealthy.process.communicate(timeout=15)
    gone = probe(unhealthy.port)
    assert gone.returncode == 1
    assert "refused" in gone.stdout


@linux_only
def test_a_worker_that_is_killed_is_replaced(run: Any) -> None:
    service = run("websocket", WORKERS="3")
    eventually(lambda: len(service.workers()) == 3)
    victim = service.workers()[0]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: victim not in service.workers() and len(service.workers()) == 3)
    assert service.health()["workers"] == 3


@linux_only
def test_threads_follow_the_affinity_while_it_runs(run: Any) -> None:
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


def test_a_service_ends_on_sigterm_without_complaint(run: Any) -> None:
    service = run("analytics", WORKERS="2")
    service.process.terminate()
    _, said = service.process.communicate(timeout=10)
    assert service.process.returncode == 0
    assert "Traceback" not in said


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
