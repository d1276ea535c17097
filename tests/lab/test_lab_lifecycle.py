"""A whole lab of its own: up, broken in several ways, repaired, and gone without a trace."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab import namespace
from lab.settings import Settings
from lab.spec import read_state
from tests.labs import end, environment_of, settings_of, traces

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="the lab needs root"),
    pytest.mark.skipif(sys.platform != "linux", reason="the lab needs Linux"),
]
ROOT = Path(__file__).parents[2]
UP_TIMEOUT_S = 900  # from an empty cache; a few seconds otherwise


@pytest.fixture
def settings() -> Iterator[Settings]:
    own = settings_of("labtest")
    yield own
    command(own, "down")


def environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, **environment_of(settings)}


def command(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lab", *words],
        check=False,
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=UP_TIMEOUT_S,
    )


def up(settings: Settings) -> str:
    done = command(settings, "up", "--n", "2", "--chips", "m4max,m1", "--runtimes", "colima,linux")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def docker(settings: Settings, host: str, *words: str) -> str:
    state = read_state(settings.state_file)[host]
    line = " ".join(words)
    daemon = f"DOCKER_HOST=unix://{state.socket} {state.cli} {line}"
    done = command(settings, "ssh", host, daemon)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_lab_comes_up_is_repaired_and_leaves_nothing(settings: Settings) -> None:
    up(settings)
    assert docker(settings, "mac1", "run", "-d", "--restart", "always", "redis:8.0")
    assert docker(settings, "mac2", "run", "-d", "redis:8.0")
    containers = docker(settings, "mac1", "ps", "-q")
    assert command(settings, "ssh", "mac1", "echo kept >note").returncode == 0

    assert up(settings).count("is well at") == 2
    assert docker(settings, "mac1", "ps", "-q") == containers

    for host, name in (("mac1", "dockerd"), ("mac2", "tini")):
        for pid in namespace.processes(settings, host):
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                os.kill(pid, signal.SIGKILL)
                break
    assert command(settings, "status").returncode == 1

    assert "mac1 does not answer: restarting it" in up(settings)
    assert command(settings, "status").returncode == 0
    assert docker(settings, "mac1", "ps", "-q") == containers
    assert command(settings, "ssh", "mac1", "cat note").stdout == "kept\n"

    assert traces(settings)
    for _ in range(2):
        assert command(settings, "down").returncode == 0
        assert traces(settings) == []
    assert not settings.run.exists()


def test_a_killed_start_is_cleaned_up(settings: Settings) -> None:
    words = [sys.executable, "-m", "lab", "up", "--n", "1"]
    starting = subprocess.Popen(
        words, cwd=ROOT, env=environment(settings), stdout=subprocess.PIPE, text=True
    )
    assert starting.stdout is not None
    for line in starting.stdout:
        if line.startswith("Starting mac1"):
            break
    starting.kill()
    starting.wait()
    starting.stdout.close()

    assert traces(settings)
    # As before and after everything that is run for a change.
    assert end([settings]) == []
    assert not settings.run.exists()


def test_a_taken_subnet_is_refused_by_name(settings: Settings) -> None:
    taken = Settings(
        name=settings.name,
        cache=settings.cache,
        run=settings.run,
        subnet=IPv4Network("127.0.0.0/24"),
    )
    subprocess.run(["ip", "route", "add", "127.0.0.0/24", "dev", "lo"], check=True)
    try:
        done = command(taken, "up")
    finally:
        subprocess.run(["ip", "route", "del", "127.0.0.0/24", "dev", "lo"], check=True)

    assert done.returncode == 1
    assert "127.0.0.0/24 is taken by lo" in done.stderr
    assert "DRYDOCK_LAB_SUBNET" in done.stderr
