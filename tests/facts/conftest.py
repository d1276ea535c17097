"""Facts' scripts run for real, in each POSIX shell there is."""

import shutil
import subprocess

import pytest

BARE_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
SHELLS = {
    "sh": ["sh"],
    "dash": ["dash"],
    "bash-posix": ["bash", "--posix"],
    "busybox": ["busybox", "sh"],
}


@pytest.fixture(params=SHELLS)
def shell(request):
    program, *options = SHELLS[request.param]
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"no {program} here")
    return [found, *options]


@pytest.fixture
def home(tmp_path):
    # A home that unquoted values break on.
    path = tmp_path / "o'brien & $(touch pwned)"
    path.mkdir()
    return path


@pytest.fixture
def ask(shell, home, tmp_path):
    """Run a fact's script as a host would and process what it prints."""

    def run(fact, *args, path=BARE_PATH, **kwargs):
        command = type(fact)().command(*args, **kwargs)
        environment = {"HOME": str(home), "PATH": path, "LC_ALL": "C"}
        done = subprocess.run(
            [*shell, "-c", command],
            check=False,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert not list(tmp_path.rglob("pwned"))
        output = done.stdout.splitlines()
        return fact.process(output) if output else fact.default()

    return run


@pytest.fixture
def executable():
    """Write a program: a path and the text of a shell script."""

    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write
