"""Ctrl-C ends a run on a single host, which is all that pyinfra's pool then has room for."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENDS_WITHIN_S = 60
LOOKS = """
from gevent.event import Event
from operations.interruption import end_well_on_interrupt
from operations.refusal import fails_alone

@fails_alone
def main(host):
    {before}
    print("waiting", flush=True)
    Event().wait()

main()
"""
CHANGES = """
import os, signal
from gevent.event import Event
from operations import lock
from operations.interruption import say_on_interrupt
from operations.refusal import fails_alone, step
from pyinfra.api.operation import operation

def last():
    {last}
    print("the last word", flush=True)

def hold(host):
    lock._holding[host] = lock.hold(host, ".", "a test", None, break_lock=False)
    lock.at_end(host, last)

def change(host):
    {change}
    return True

@operation()
def changes():
    yield step(change)

@fails_alone
def main(host):
    changes(name="Change")

main()
"""
WAITS = 'print("waiting", flush=True); Event().wait()'
IN_THE_MIDDLE = f'say_on_interrupt(host, "in the middle"); {WAITS}'


@pytest.mark.parametrize(
    ("deploy", "status", "said"),
    [
        (LOOKS.format(before="pass"), 130, ""),
        (LOOKS.format(before="end_well_on_interrupt()"), 0, ""),
        (CHANGES.format(last="pass", change=IN_THE_MIDDLE), 130, "in the middle"),
    ],
    ids=["looks", "open", "changes"],
)
def test_ctrl_c_ends_a_run_at_once(tmp_path, deploy, status, said):
    process = begin(tmp_path, deploy)
    rest = interrupt_when_it_waits(process)
    assert process.returncode == status, rest
    assert said in rest
    assert "Traceback" not in rest


def test_ctrl_c_before_the_last_word_leaves_it_unsaid(tmp_path):
    """Else the same command would not go on from there, as the run says that it does."""
    process = begin(tmp_path, CHANGES.format(last="pass", change=f"hold(host); {WAITS}"))
    rest = interrupt_when_it_waits(process)
    assert process.returncode == 130, rest
    assert "the same command goes on from here" in rest
    assert "the last word" not in rest


def test_ctrl_c_is_too_late_once_the_last_word_is_being_said(tmp_path):
    itself = "os.kill(os.getpid(), signal.SIGINT)"
    process = begin(tmp_path, CHANGES.format(last=itself, change="hold(host)"))
    said, _ = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 0, said
    assert "the last word" in said
    assert "interrupted" not in said


def begin(folder, deploy):
    """Start a deployment of this machine."""
    (folder / "deploy.py").write_text(deploy)
    pyinfra = str(Path(sys.executable).with_name("pyinfra"))
    return subprocess.Popen(
        [pyinfra, "@local", "deploy.py", "-y"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def interrupt_when_it_waits(process):
    """Press Ctrl-C; what the run says from then on."""
    try:
        heard = ""
        while "waiting" not in heard:
            heard += (line := process.stdout.readline())
            assert line, heard
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=ENDS_WITHIN_S)
    finally:
        process.kill()
    return rest
