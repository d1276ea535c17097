"""Services as they run in their containers: real processes with their workers."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.nautilus.servers import free_port


def children(pid: int) -> list[int]:
    """A process's children, those of each of its threads."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def backtesting(pid: int) -> list[int]:
    """The processes of back-tests: they are forked from a server that an engine's worker starts."""
    below = [each for child in children(pid) for each in children(child)]
    return [each for each in below if b"forkserver" in Path(f"/proc/{each}/cmdline").read_bytes()]


class Running:
    def __init__(self, service: str, cpus: set[int] | None = None, **environment: str) -> None:
        """A service of the platform, or a module of the tests that serves one."""
        self.port = free_port()
        module = () if "." in service else ("nautilus",)
        pinned = ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
        self._log = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [*pinned, sys.executable, "-m", *module, service],
            env={**os.environ, "PORT": str(self.port), **environment},
            # A file, because nobody would read a pipe while the service runs.
            stderr=self._log,
        )

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
            return dict(json.load(answer))

    def answers(self) -> bool:
        try:
            return bool(self.health())
        except (urllib.error.URLError, ConnectionError):
            return False

    def workers(self) -> list[int]:
        return children(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=15)

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read()


RunService = Callable[..., Running]
