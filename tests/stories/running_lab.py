"""The lab that the stories are played in."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.settings import Settings
from lab.spec import HostState, read_state
from tests.labs import environment_of, settings_of

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 900  # from an empty cache; a few seconds otherwise


@dataclass(frozen=True)
class Lab:
    """Simulated Macs that run, and the environment by which commands find them."""

    settings: Settings
    environment: dict[str, str]
    hosts: dict[str, HostState]


@contextmanager
def running_lab() -> Iterator[Lab]:
    """Two Macs, mac1 with an M4 Max and mac2 with an M1: those that are up, or ones of its own."""
    require_lab()
    settings = Settings.from_environment()
    hosts = read_state(settings.state_file)
    chips = {name: host.chip for name, host in hosts.items()}
    if {"mac1": "m4max", "mac2": "m1"}.items() <= chips.items() and _run(os.environ, "status"):
        yield Lab(settings, dict(os.environ), hosts)
        return
    with lab_of_its_own("stories", "--n", "2", "--chips", "m4max,m1") as own:
        yield own


@contextmanager
def lab_of_its_own(name: str, *words: str) -> Iterator[Lab]:
    """Start a lab beside any other, and take it down; what a killed run left goes first."""
    require_lab()
    settings = settings_of(name)
    environment = {**os.environ, **environment_of(settings)}
    _run(environment, "down")
    try:
        assert _run(environment, "up", *words), f"the lab {name} doesn't come up"
        yield Lab(settings, environment, read_state(settings.state_file))
    finally:
        _run(environment, "down")


def require_lab() -> None:
    """Skip where simulated Macs can't run."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("the lab needs Linux and root")


def _run(environment: Mapping[str, str], *words: str) -> bool:
    """Run `python -m lab` and say whether it succeeded; what it prints is pytest's to show."""
    command = [sys.executable, "-m", "lab", *words]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, timeout=TIMEOUT_S)
    return done.returncode == 0
