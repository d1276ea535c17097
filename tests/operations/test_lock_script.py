"""The script that holds a lock on a host, run for real in each POSIX shell there is."""

import subprocess
import time
from contextlib import contextmanager

import pytest

from facts.release import Release
from operations.lock import SCRIPT
from tests.facts.conftest import ask, executable, home, shell  # noqa: F401 - fixtures

WORDS = {"who": "anna o'brien@bridge", "purpose": "a deploy of release 0123456789ab"}


@pytest.fixture
def directory(home):  # noqa: F811
    return home / ".drydock/harbour"


@pytest.fixture
def hold(shell, directory, home):  # noqa: F811
    @contextmanager
    def held(name="f00", dead="", silence_s=0):
        words = [*WORDS.values(), dead, str(silence_s)]
        with subprocess.Popen(
            [*shell, "-c", SCRIPT, "drydock-lock", str(directory), name, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=home.parent,
        ) as holder:
            yield holder

    return held


@pytest.fixture
def look(ask, directory):  # noqa: F811
    return lambda: ask(Release(), str(directory)).lock


def test_a_lock_is_held_and_given_back(hold, look, directory):
    with hold() as holder:
        assert holder.stdout.readline() == "taken\n"
        said = look()
        assert said["lock_state"] == "held"
        assert {key: said[f"lock_{key}"] for key in WORDS} == WORDS
        assert said["lock_since"].endswith(" UTC")
        holder.stdin.write("here\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "here\n"
        holder.communicate("end\n", timeout=5)
    assert look() == {}
    assert list(directory.iterdir()) == []


def test_a_second_one_is_told_that_it_is_held(hold, directory):
    with hold() as first:
        assert first.stdout.readline() == "taken\n"
        with hold("f01") as second:
            assert second.communicate(timeout=5)[0] == "held\n"
        assert (directory / "lock/owner").exists()
        first.stdin.close()


@pytest.mark.parametrize("ending", ["input", "TERM", "HUP"])
def test_an_owner_that_goes_gives_it_back(hold, directory, ending):
    with hold() as holder:
        assert holder.stdout.readline() == "taken\n"
        if ending != "input":
            subprocess.run(["kill", f"-{ending}", str(holder.pid)], check=True)
        holder.communicate(timeout=5)
    assert list(directory.iterdir()) == []


def test_an_owner_that_falls_silent_loses_it(hold, directory):
    with hold(silence_s=1) as holder:
        assert holder.stdout.readline() == "taken\n"
        holder.wait(timeout=10)
        assert list(directory.iterdir()) == []


def test_an_owner_that_speaks_keeps_it(hold, directory):
    with hold(silence_s=1) as holder:
        assert holder.stdout.readline() == "taken\n"
        until = time.monotonic() + 3
        while time.monotonic() < until:
            holder.stdin.write("here\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "here\n"
            time.sleep(0.1)
        assert (directory / "lock").is_dir()
        holder.stdin.close()


def test_a_dead_lock_is_seen_and_broken_by_its_name_only(hold, look):
    with hold() as holder:
        assert holder.stdout.readline() == "taken\n"
        holder.kill()
    assert look()["lock_state"] == "dead"
    with hold("f01", dead="another") as second:
        assert second.communicate(timeout=5)[0] == "held\n"
    with hold("f02", dead="f00") as third:
        assert third.stdout.readline() == "taken\n"
        assert look()["lock_name"] == "f02"
        third.stdin.close()


def test_a_lock_from_before_a_restart_is_told_from_a_dead_one(hold, look, directory):
    with hold() as holder:
        assert holder.stdout.readline() == "taken\n"
        holder.kill()
    owner = directory / "lock/owner"
    owner.write_text(owner.read_text().replace("booted\t", "booted\tlong before "))
    assert look()["lock_state"] == "restarted"


def test_a_lock_that_nobody_signed_can_be_broken(hold, look, directory):
    (directory / "lock").mkdir(parents=True)
    assert look() == {"lock_state": "dead"}
    with hold(dead="-") as holder:
        assert holder.stdout.readline() == "taken\n"
        holder.stdin.close()


def test_one_whose_lock_was_broken_leaves_the_new_one(hold, directory):
    with hold() as first:
        assert first.stdout.readline() == "taken\n"
        with hold("f01", dead="f00") as second:
            assert second.stdout.readline() == "taken\n"
            first.communicate("end\n", timeout=5)
            assert "f01" in (directory / "lock/owner").read_text()
            second.stdin.close()


def test_a_directory_that_cannot_be_made_is_told(hold, directory):
    directory.parent.parent.mkdir(parents=True, exist_ok=True)
    directory.parent.write_text("a file")
    with hold() as holder:
        assert "drydock" in holder.communicate(timeout=5)[0]
