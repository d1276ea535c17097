"""A program that runs beside a benchmark, in the network of a lab's host."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.command import BenchError
from bench.host import HOME, Host
from lab.settings import Settings

READY = "ready\n"


class Inside:
    """A program of bench/ in the network of a host, from its start to what it counted.

    It runs in the platform's own environment, is given the directory of the stack's secrets and
    one of its own, says `ready`, and prints what it counted as JSON once its input ends.
    """

    def __init__(self, host: Host, program: str, directory: Path, settings: Settings) -> None:
        self._what = f"{program} on {host.state.name}"
        upper = settings.host_directory(host.state.name) / "upper"
        secrets = upper / host.directory.lstrip("/") / "secrets"
        python = HOME / "nautilus/.venv/bin/python"
        inside = ("ip", "netns", "exec", settings.namespace(host.state.name))
        self._command = (*inside, str(python), str(HOME / "bench" / program), secrets, directory)
        self.found: dict[str, Any] = {}
        """What it counted, when it has ended."""

    def start(self) -> None:
        """Start it, and wait until it has reached the stack; again, after a reboot has ended it."""
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        if self._process.stdout.readline() != READY:
            raise BenchError(f"{self._what} can't reach the stack")

    @property
    def runs(self) -> bool:
        """Whether it still does."""
        return self._process.poll() is None

    def end(self) -> None:
        """Let it count; BenchError where it can't."""
        said, _ = self._process.communicate()
        if self._process.returncode:
            raise BenchError(f"{self._what} ended with {self._process.returncode}")
        self.found |= json.loads(said)


@contextmanager
def running_inside(
    host: Host, program: str, directory: Path, settings: Settings | None = None
) -> Iterator[Inside]:
    """While inside, a program runs beside a benchmark; what it counted is known afterwards."""
    inside = Inside(host, program, directory, settings or Settings.from_environment())
    inside.start()
    try:
        yield inside
    finally:
        inside.end()
