import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHELLCHECK = Path(sys.executable).with_name("shellcheck")


def shellcheck(*arguments):
    return subprocess.run(
        [SHELLCHECK, "--severity", "warning", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


def test_shellcheck_finds_nothing_in_what_containers_run(release, written):
    scripts = [
        written / path
        for path, content in release.files.items()
        if content.startswith(b"#!/bin/sh\n")
    ]
    assert {path.name for path in scripts} == {
        "start-sized", "owner-login.sh", "healthy", "rotate-login", "backup", "lead",
    }  # fmt: skip
    done = shellcheck("--shell", "sh", *scripts)
    assert done.returncode == 0, done.stdout


def shipped():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.sh"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return sorted(ROOT / path for path in set(listed.stdout.split("\0")) if path)


@pytest.mark.parametrize("path", shipped(), ids=lambda path: str(path.relative_to(ROOT)))
def test_shellcheck_finds_nothing_in_what_is_shipped(path):
    done = shellcheck(path)
    assert done.returncode == 0, done.stdout


def test_shellcheck_would_find_something(tmp_path):
    path = tmp_path / "a.sh"
    path.write_text("#!/bin/sh\nread a; echo ${b[1]}\n")
    assert shellcheck(path).returncode == 1
