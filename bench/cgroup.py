"""What a command and all that it starts use, counted by the kernel in a control group of its own.

What a command leaves running, as Ansible leaves its SSH connections, is counted in the next round,
too: it stays in the group.
"""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.command import BenchError, Finished, run

CGROUPS = Path("/sys/fs/cgroup")
ENTER = 'for it in $1; do echo $$ >"$it/cgroup.procs"; done; shift; exec "$@"'


@dataclass(frozen=True)
class Spent:
    """A command that ended well, with what it and its children took."""

    finished: Finished
    cpu_s: float
    peak_bytes: int
    """The most memory that they held at once, with files that they were first to read."""


@dataclass(frozen=True)
class Group:
    """A control group of version 1 (one directory a resource) or 2 (one for both)."""

    directories: tuple[Path, ...]

    def run(
        self, argv: Sequence[str], environment: Mapping[str, str] | None, directory: Path
    ) -> Spent:
        """Run a command in it; BenchError as `bench.command.run` raises it."""
        self._forget_peak()
        before_s = self._cpu_s()
        words = ["sh", "-c", ENTER, "sh", " ".join(map(str, self.directories)), *argv]
        finished = run(words, environment, directory)
        return Spent(finished, self._cpu_s() - before_s, self._peak_bytes())

    def _cpu_s(self) -> float:
        usage = self.directories[0] / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        return _value(self.directories[0] / "cpu.stat", "usage_usec") / 1e6

    def _peak_bytes(self) -> int:
        return int(self._peak().read_text())

    def _forget_peak(self) -> None:
        # In version 2 only the newest kernels can: there the highest of all rounds is given.
        if self._peak().name == "memory.max_usage_in_bytes":
            self._peak().write_text("0")

    def _peak(self) -> Path:
        old = self.directories[-1] / "memory.max_usage_in_bytes"
        return old if old.exists() else self.directories[-1] / "memory.peak"


@contextmanager
def group(name: str) -> Iterator[Group]:
    """A group for a while; what then still runs in it is ended. BenchError where there is none."""
    old = tuple(CGROUPS / kind / name for kind in ("cpuacct", "memory"))
    is_old = (CGROUPS / "cpuacct").is_dir()
    made = Group(old if is_old else (CGROUPS / name,))
    try:
        for directory in made.directories:
            directory.mkdir(exist_ok=True)
    except OSError as error:
        raise BenchError(f"no control group to count in: {error}") from error
    try:
        yield made
    finally:
        _end(made)


def _end(made: Group) -> None:
    for directory in made.directories:
        while pids := (directory / "cgroup.procs").read_text().split():
            for pid in map(int, pids):
                _kill(pid)
        directory.rmdir()


def _kill(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _value(file: Path, key: str) -> int:
    words = dict(line.split() for line in file.read_text().splitlines())
    return int(words[key])
