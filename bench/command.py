"""Run one command and keep what a measurement needs of it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

LAST_LINES = 25


class BenchError(Exception):
    """A measurement that can't be made, or whose run was not what it should measure."""


@dataclass(frozen=True)
class Finished:
    """A command that ended well."""

    wall_s: float
    peak_rss_bytes: int
    lines: tuple[tuple[float, str], ...]
    """Each line of its output, with the seconds from the command's start."""

    @property
    def output(self) -> str:
        """All lines."""
        return "\n".join(line for _, line in self.lines)


def run(
    argv: Sequence[str],
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Finished:
    """Run a command to its end; BenchError with its last lines when it fails."""
    began = monotonic()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=directory,
        env={**os.environ, **(environment or {})},
    )
    with process:
        output = process.stdout
        lines = tuple((monotonic() - began, line.rstrip("\n")) for line in output or ())
        # Unlike Popen's own wait, this one tells what the process used.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = monotonic() - began
    if process.returncode != 0:
        last = "\n".join(line for _, line in lines[-LAST_LINES:])
        command = " ".join(argv).partition("\n")[0]
        raise BenchError(f"{command}: exit status {process.returncode}\n{last}")
    return Finished(wall_s, usage.ru_maxrss * 1024, lines)
