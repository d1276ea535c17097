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
from gevent.event import Event
from operations.interruption import say_on_interrupt
from operations.refusal import fails_alone, step
from pyinfra.api.operation import operation

def wait(host):
    say_on_interrupt(host, "in the middle")
    print("waiting", flush=True)
    return Event().wait()

@operation()
def waits():
    yield step(wait)

@fails_alone
def main(host):
    waits(name="Wait")

main()
"""


@pytest.mark.parametrize(
    ("deploy", "status", "said"),
    [
        (LOOKS.format(before="pass"), 130, ""),
        (LOOKS.format(before="end_well_on_interrupt()"), 0, ""),
        (CHANGES, 130, "in the middle"),
    ],
    ids=["looks", "open", "changes"],
)
def test_ctrl_c_ends_a_run_at_once(tmp_path, deploy, status, said):
    (tmp_path / "deploy.py").write_text(deploy)
    pyinfra = str(Path(sys.executable).with_name("pyinfra"))
    process = subprocess.Popen(
        [pyinfra, "@local", "deploy.py", "-y"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        heard = ""
        while "waiting" not in heard:
            heard += (line := process.stdout.readline())
            assert line, heard
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=ENDS_WITHIN_S)
    finally:
        process.kill()
    assert process.returncode == status, heard + rest
    assert said in rest
    assert "Traceback" not in rest
