"""Builds and starts wait for a Mac to cool down: the script by real shells, and what follows."""

import subprocess
import time
from types import SimpleNamespace

import pytest

from operations import journal
from operations.heat import SCRIPT, Gate
from tests.demo import demo_host, demo_inputs
from tests.facts.conftest import executable, home, shell  # noqa: F401 - fixtures

# `-1` ends with the next news, which here is a file that appears.
NOTIFYUTIL = """
case $1 in
-g) [ ! -e "$MAC/level" ] || echo "$2 $(cat "$MAC/level")" ;;
-1)
    if [ -e "$MAC/cools" ]; then echo 1 >"$MAC/level"; else exec sleep 60; fi ;;
esac
"""


@pytest.fixture
def wait(shell, home, executable):  # noqa: F811
    def run(level=None, patience_s=5, cools=False):
        executable(home / "bin/notifyutil", NOTIFYUTIL)
        if level is not None:
            (home / "level").write_text(f"{level}\n")
        if cools:
            (home / "cools").touch()
        began = time.monotonic()
        done = subprocess.run(
            [*shell, "-c", SCRIPT, "drydock-heat", "2", str(patience_s)],
            check=True,
            env={"PATH": f"{home}/bin:/usr/bin:/bin", "MAC": str(home)},
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        return done.stdout.strip(), time.monotonic() - began

    return run


def test_a_cool_mac_keeps_nobody_waiting(wait):
    assert wait(level=1)[0] == "1"


def test_a_mac_that_cools_down_is_waited_for(wait):
    level, took_s = wait(level=2, patience_s=60, cools=True)
    assert level == "1"
    assert took_s < 10


def test_a_mac_that_stays_hot_is_not_waited_for_for_ever(wait):
    level, took_s = wait(level=3, patience_s=1)
    assert level == "3"
    assert 0 < took_s < 20


def test_where_nothing_is_reported_nobody_waits(wait):
    assert wait()[0] == ""


class HostDouble:
    """A Mac that has these levels, one a question."""

    name = "mac1"

    def __init__(self, *levels):
        self.levels, self.said, self.patience = list(levels), [], []

    def run_shell_command(self, command, **_):
        self.patience.append(int(command.get_raw_value().split()[-1]))
        level = self.levels.pop(0)
        return True, SimpleNamespace(stdout="" if level is None else str(level))

    def log(self, line):
        self.said.append(line)


def gate(account=True, **settings):
    plan = SimpleNamespace(detected=demo_host(), settings=demo_inputs(**settings).settings)
    if not account:
        plan.detected = SimpleNamespace(account=None)
    return Gate(plan)


def test_a_wait_that_helps_is_told(monkeypatch):
    host, written = HostDouble(2, 1), []
    monkeypatch.setattr(journal, "tell", lambda *said, **more: written.append((said, more)))
    assert gate(heat_wait_s=40).cool_enough(host, "building")
    ((said, more),) = written
    assert said == (host, "wait", "building waits for the Mac to cool down")
    assert more.pop("seconds") >= 0
    assert more == {"outcome": "pressure moderate (1)"}
    assert host.patience == [0, 40]
    assert host.said == [
        "thermal pressure heavy (2): building waits, at most 40 s",
        "pressure moderate (1) after 0 s",
    ]


def test_after_the_wait_it_goes_on_one_at_a_time_and_does_not_wait_again():
    host, one = HostDouble(3, 3, 2, 1), gate(heat_wait_s=0)
    assert not one.cool_enough(host, "building")
    assert host.said == []
    one = gate(heat_wait_s=40)
    one._left_s = 0.001
    assert not one.cool_enough(host, "starting")
    assert host.said[-1] == "pressure heavy (2) after 0 s: starting one at a time"
    assert one.cool_enough(host, "starting")


@pytest.mark.parametrize("level", [0, 1, None])
def test_less_than_heavy_keeps_nobody_waiting(level):
    host = HostDouble(level)
    assert gate().cool_enough(host, "building")
    assert host.said == []


def test_a_host_without_launchd_is_not_even_asked():
    assert gate(account=False).cool_enough(HostDouble(), "building")
