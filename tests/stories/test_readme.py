"""Every command that README and docs/stack.md show, run as it stands there, on a lab's Mac."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from lab.spec import read_state
from tests.stories.mac import Mac
from tests.stories.project import Run
from tests.stories.running_lab import Lab

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIMEOUT_S = 600
PLAYED_ELSEWHERE = {"make test"}
"""This very suite."""


def commands():
    texts = [(ROOT / name).read_text() for name in ("README.md", "docs/stack.md")]
    lines = [line for text in texts for block in BLOCK.findall(text) for line in block.splitlines()]
    return [line for line in lines if line and line not in PLAYED_ELSEWHERE]


def for_the_lab(command: str) -> str:
    """The command, with the lab's first Mac where it would take this machine."""
    if command.startswith("make ") and command != "make plan":
        return f"{command} INVENTORY=lab/inventory.py ARGS='--limit mac1'"
    command = command.replace("pyinfra inventory.py", "pyinfra lab/inventory.py --limit mac1")
    return command.replace("lab/inventory.py ../", "lab/inventory.py --limit mac1 ../")


@pytest.mark.lab
@pytest.mark.parametrize("command", commands())
def test_a_documented_command_runs(
    lab: Lab, mac1: Mac, nautilus_on_mac1: Run, command: str, tmp_path: Path
) -> None:
    assert nautilus_on_mac1.status == 0
    assert "mac1" in read_state(lab.settings.state_file)
    said = tmp_path / "said"
    with said.open("w") as out:
        process = subprocess.Popen(
            # In the shell's place, so that what it ends with is the command's own. What a shell
            # starts in the background ignores Ctrl-C, unless it is told not to.
            [
                *["env", "--default-signal=INT", "sh", "-c"],
                ("exec " if "open" in command else "") + for_the_lab(command),
            ],
            cwd=ROOT,
            env=lab.environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if "open" in command:
            _wait_for("open until Ctrl-C", said, process)
            subprocess.run(["pkill", "-INT", "-s", str(process.pid)], check=True)
        status = process.wait(TIMEOUT_S)
    text = said.read_text()
    # Ctrl-C is how `open` ends well; make itself takes it for what it ends by.
    assert status == (-signal.SIGINT if command == "make open" else 0), text
    assert "Traceback" not in text


@pytest.mark.lab
def test_what_a_mac_says_of_itself_is_what_a_plan_is_made_from(mac1: Mac, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (sysctl,) = re.findall(r"`(sysctl [^`]+)`", readme)
    (info,) = re.findall(r"`docker (info [^`]+)`", readme)
    (tmp_path / "sysctl").write_text(mac1.sh(sysctl) + "\n")
    (tmp_path / "info").write_text(mac1.docker(*shlex.split(info)) + "\n")
    words = ("--sysctl", str(tmp_path / "sysctl"), "--docker-info", str(tmp_path / "info"))
    plan = subprocess.run(
        [sys.executable, "-m", "stack", "plan", *words],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.startswith("chip    Apple M4 Max: ")


def _wait_for(words: str, said: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the command has said the words; it ends the test when it ends before."""
    deadline = monotonic() + TIMEOUT_S
    while words not in said.read_text():
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            if monotonic() < deadline:
                continue
        raise AssertionError(said.read_text())
