"""Two who change the same host at the same time, and locks whose owner is gone."""

import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.hosts import ssh_command
from operations.lock import SCRIPT
from tests.stories.mac import Mac
from tests.stories.project import Project

pytestmark = pytest.mark.lab
LOCK = "~/.drydock/harbour/lock"
CHANGED = {"pilot": {"memory": "112 MiB"}}


@contextmanager
def held_by_anna(mac: Mac, stack: str = "harbour") -> Iterator[subprocess.Popen[str]]:
    """Somebody else's connection holds the lock, as a deploy does."""
    directory = mac.sh(f"echo ~/.drydock/{stack}")
    said = (directory, "f00", "anna@bridge", "a deploy of release 0123456789ab", "", "0")
    words = shlex.join(["sh", "-c", SCRIPT, "drydock-lock", *said])
    with subprocess.Popen(
        ssh_command(mac.state, words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "taken\n"
        yield holder


def test_the_second_is_told_who_holds_it_and_changes_nothing(running: Project, mac2: Mac):
    with held_by_anna(mac2) as anna:
        before = mac2.evidence()
        run = running.run("deploy.py", "-y", hosts="mac2", overrides=CHANGED)
        assert run.status != 0
        assert "locked by anna@bridge, since 20" in run.text
        assert " UTC, for a deploy of release 0123456789ab; nothing was changed" in run.text
        assert "Traceback" not in run.text
        assert mac2.evidence() == before
        anna.communicate("end\n")


def test_nobody_changes_what_another_holds(running: Project, mac2: Mac, tmp_path: Path):
    (tmp_path / "key").write_text(f"{'k' * 42}8=\n")
    (tmp_path / "key").chmod(0o600)
    said = ("true",)
    saved = {"backup": {"save": said, "check": said, "load": said}}
    overrides = {"store": saved, "tide": {"rotate": {"tide_token": said}}}
    running.deploy(hosts="mac2", overrides=overrides)
    ways: dict[str, dict[str, object]] = {
        "rollback.py": {},
        "rotate.py": {"overrides": overrides, "secrets": "tide_token"},
        "backup.py": {"key_file": str(tmp_path / "key")},
        "deploy.py": {"overrides": CHANGED, "lock_wait_s": 1},
    }
    with held_by_anna(mac2) as anna:
        before = mac2.evidence()
        for program, data in ways.items():
            run = running.run(program, "-y", hosts="mac2", **data)
            assert run.status != 0, program
            assert "locked by anna@bridge, since 20" in run.text, run.text
            assert " UTC, for a deploy of release 0123456789ab; nothing was changed" in run.text
        assert "waiting up to 1 s for the lock of anna@bridge" in run.text
        assert mac2.evidence() == before
        anna.communicate("end\n")


def test_one_who_waits_goes_on_when_it_is_given_back(running: Project, mac2: Mac):
    with held_by_anna(mac2) as anna:
        waiting = running.start("deploy.py", "-y", hosts="mac2", overrides=CHANGED, lock_wait_s=60)
        assert waiting.stdout is not None
        seen = next(line for line in waiting.stdout if "waiting up to 60 s" in line)
        assert "for the lock of anna@bridge" in seen
        anna.communicate("end\n")
        output, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, output
    assert "pilot: memory 96 MiB → 112 MiB, applied live" in output
    assert mac2.tries(f"test -d {LOCK}").returncode != 0


def test_neither_verifying_nor_a_dry_run_nor_having_nothing_to_do_is_held_up(
    running: Project, mac2: Mac
):
    with held_by_anna(mac2) as anna:
        assert running.run("verify.py", "-y", hosts="mac2").status == 0
        assert running.run("deploy.py", "--dry", hosts="mac2", overrides=CHANGED).status == 0
        assert running.deploy(hosts="mac2").status == 0
        anna.communicate("end\n")


def test_a_dead_owners_lock_is_broken_on_request_only(running: Project, mac2: Mac):
    with held_by_anna(mac2):
        mac2.sh(f"kill -9 $(sed -n 's/^pid.//p' {LOCK}/owner)")
    run = running.run("deploy.py", "-y", hosts="mac2", overrides=CHANGED)
    assert run.status != 0
    assert "locked by anna@bridge" in run.text
    assert "who is gone without giving it back" in run.text
    assert "--data break_lock=true" in run.words

    run = running.deploy(hosts="mac2", overrides=CHANGED, break_lock=True)
    assert "broke the lock of anna@bridge" in run.text
    assert mac2.tries(f"test -d {LOCK}").returncode != 0


def test_a_living_owners_lock_is_not_broken(running: Project, mac2: Mac):
    with held_by_anna(mac2) as anna:
        run = running.run("deploy.py", "-y", hosts="mac2", overrides=CHANGED, break_lock=True)
        assert run.status != 0
        assert "locked by anna@bridge" in run.text
        anna.communicate("end\n")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_deploy_that_is_ended_leaves_no_lock(running: Project, mac2: Mac, ending):
    never = {"test": ["false"], "retries": 100, "start_period_s": 60}
    deploy = running.start("deploy.py", "-y", hosts="mac2", overrides={"pilot": {"health": never}})
    assert deploy.stdout is not None
    next(line for line in deploy.stdout if "waiting for: pilot" in line)
    mac2.sh(f"test -d {LOCK}")
    deploy.send_signal(ending)
    deploy.communicate(timeout=30)
    assert deploy.returncode != 0, "a change that was broken off is no success"
    mac2.sh(
        f"left=50; while [ -d {LOCK} ] && [ $left -gt 0 ]; do sleep 0.1; left=$((left-1)); done"
    )
    assert mac2.tries(f"test -d {LOCK}").returncode != 0
    assert running.deploy(hosts="mac2").status == 0
