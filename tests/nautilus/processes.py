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
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listing.split()]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=15)

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read()


RunService = Callable[..., Running]
