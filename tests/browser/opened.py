"""Nautilus' pages and endpoints as `open.py` brings them to this machine."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.stories.project import Project

READY = "open until Ctrl-C"
END_S = 30


@dataclass(frozen=True)
class Opened:
    """Where the stack is reached from here."""

    page: str
    """Nautilus, through nginx."""
    endpoints: dict[str, str]
    """By service."""


@contextmanager
def opened(project: Project, host: str) -> Iterator[Opened]:
    """Open the stack of a host for a while."""
    with project.start("open.py", "-y", hosts=host) as running:
        try:
            yield _read(running.stdout)
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(END_S)


def _read(lines) -> Opened:
    said = ""
    for line in lines:
        said += line
        if READY in line:
            break
    found = dict(re.findall(r"\] ([^:\n]+): (http://127\.0\.0\.1:\d+)", said))
    assert "Nautilus, through nginx" in found, said
    return Opened(page=found["Nautilus, through nginx"], endpoints=found)
