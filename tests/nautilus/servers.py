"""Real Redis and Postgres servers of the tests' own, that can be stopped and started again."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

READY_S = 20.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def eventually(holds: Callable[[], bool], within_s: float = READY_S) -> None:
    """Wait until a condition holds; raises AssertionError when it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class RedisServer:
    password = "a redis password"

    def __init__(self) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--save", "", "--dir", "/tmp"]
        self._process = subprocess.Popen(
            [*command, "--requirepass", self.password], stdout=subprocess.DEVNULL
        )
        eventually(lambda: _listens(self.port))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


class PostgresServer:
    password = "a postgres password"

    def __init__(self, binaries: Path) -> None:
        self.port = free_port()
        self._binaries = binaries
        self._directory = Path(tempfile.mkdtemp(prefix="nautilus-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        # Postgres refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._directory, self._user)
        secret = self._directory / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        options = ["--auth=scram-sha-256", "--username=nautilus", f"--pwfile={secret}", "--no-sync"]
        subprocess.run(
            [binaries / "initdb", "-D", self._directory / "data", *options],
            check=True,
            user=self._user,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    @property
    def url(self) -> str:
        return f"postgresql://nautilus@127.0.0.1:{self.port}/postgres"

    def engine(self) -> AsyncEngine:
        """As its owner."""
        url = self.url.replace("postgresql:", "postgresql+asyncpg:")
        return create_async_engine(url, connect_args={"password": self.password})

    def start(self) -> None:
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-F", "-k", str(self._directory)]
        self._process = subprocess.Popen(
            [self._binaries / "postgres", "-D", self._directory / "data", *options],
            user=self._user,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        eventually(self._accepts)

    def _accepts(self) -> bool:
        command = [self._binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self) -> None:
        if self._process is not None:
            # SIGQUIT: an immediate shutdown, which takes the children along.
            self._process.send_signal(3)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._directory)
