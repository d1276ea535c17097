"""A whole lab of its own: up, broken in several ways, repaired, and gone without a trace."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab import namespace, network
from lab.settings import Settings
from lab.spec import read_state

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="the lab needs root"),
    pytest.mark.skipif(sys.platform != "linux", reason="the lab needs Linux"),
]
ROOT = Path(__file__).parents[2]
UP_TIMEOUT_S = 900  # from an empty cache; a few seconds otherwise


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    own = Settings(
        name="labtest",
        cache=Settings.from_environment().cache,
        run=tmp_path / "lab",
        subnet=IPv4Network("10.211.77.0/24"),
    )
    yield own
    command(own, "down")


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "DRYDOCK_LAB_NAME": settings.name,
        "DRYDOCK_LAB_DIR": str(settings.run),
        "DRYDOCK_LAB_CACHE": str(settings.cache),
        "DRYDOCK_LAB_SUBNET": str(settings.subnet),
    }


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


def traces(settings: Settings) -> list[str]:
    """All that a lab leaves on a machine while it runs."""
    found = [name for name in network.namespaces() if name.startswith(settings.namespace(""))]
    links = subprocess.run(["ip", "-br", "link"], check=True, capture_output=True, text=True)
    found += [line for line in links.stdout.splitlines() if line.startswith(settings.name)]
    for table in ("filter", "nat"):
        rules = subprocess.run(
            ["iptables", "-w", "-t", table, "-S"], check=True, capture_output=True, text=True
        )
        found += [line for line in rules.stdout.splitlines() if settings.name in line]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{settings.cgroup}")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mounts = (process / "mountinfo").read_text()
        except OSError:
            continue
        if str(settings.run) in mounts:
            found.append(f"process {process.name} with a mount of {settings.run}")
    return found


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
    assert command(settings, "down").returncode == 0
    assert traces(settings) == []


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
