"""What `make deploy` converges, and what `make lab-up` starts; other commands played by scripts."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def said(*command: str, **environment: str) -> tuple[str, str]:
    """What a command prints, and what it says of it."""
    # A `make test` around it would have its say.
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        command,
        check=True,
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("system", "docker", "user", "inventory", "why"),
    [
        ("Darwin", False, 501, "inventory.py", "This Mac"),
        ("Linux", True, 1000, "inventory.py", "This machine, whose Docker daemon answers"),
        ("Linux", True, 0, "inventory.py", "This machine, whose Docker daemon answers"),
        ("Linux", False, 0, "lab/inventory.py", "No Docker daemon here: a simulated Mac"),
        ("Linux", False, 1000, "inventory.py", "start one, or run as root for a simulated Mac"),
    ],
)
def test_deploy_takes_what_is_there(
    tmp_path: Path, system: str, docker: bool, user: int, inventory: str, why: str
) -> None:
    plays = {"uname": f"echo {system}", "id": f"echo {user}", "docker": "" if docker else "exit 1"}
    for name, script in plays.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    printed, reason = said("lab/choose.sh", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert printed.strip() == inventory
    assert why in reason


@pytest.mark.parametrize(
    ("words", "started"),
    [
        ((), "-m lab up --n 1 --chips m4max"),
        (("N=2", "CHIPS=m4max,m1"), "-m lab up --n 2 --chips m4max,m1"),
        (("VM=1",), "-m lab up --n 1 --chips m4max --vm"),
    ],
)
def test_lab_up_starts_what_it_is_told(words: tuple[str, ...], started: str) -> None:
    planned, _ = said("make", "--dry-run", "lab-up", *words)
    assert planned.splitlines()[-1].partition(" ")[2].strip() == started
