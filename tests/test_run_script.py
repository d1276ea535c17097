"""What `make test` does where Node.js is missing; apt-get, dpkg and id are doubles."""

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TOOLS = ("sh", "dirname", "uname", "cat")


def run_without_npm(tools: Path, **doubles: str) -> subprocess.CompletedProcess[str]:
    for name in TOOLS:
        (tools / name).symlink_to(str(shutil.which(name)))
    for name, script in doubles.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    return subprocess.run(
        ["sh", TESTS / "run.sh"],
        check=False,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_who_may_not_install_it_is_told(tmp_path):
    done = run_without_npm(tmp_path, id="echo 501")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "npm is missing, with which the page is tested: install Node.js\n"


@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="apt-get is Debian's")
def test_root_on_debian_gets_it(tmp_path):
    asked = tmp_path / "asked"
    apt = f'echo "$@" >> {asked}'
    doubles = {"id": "echo 0", "dpkg": "exit 1", "apt-get": apt}
    assert run_without_npm(tmp_path, **doubles).returncode == 1
    update, install = asked.read_text().splitlines()
    assert update == "update -q"
    assert install.endswith(" nodejs npm")
