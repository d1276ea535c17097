"""Files put on a host in one step, in directories that nobody else may enter."""

import io

from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.host import Host

from link import files
from operations.docker_cli import run


def close(host: Host, *directories: str) -> None:
    """Make directories that only their owner may enter; one that is a link is refused.

    ServiceFailedError where that can't be.
    """
    paths = [QuoteString(directory) for directory in directories]
    command = StringCommand("umask 077 && mkdir -p", *paths)
    for path in paths:
        command = StringCommand(command, "&& [ ! -h", path, "]")
    run(host, command, f"{' or '.join(directories)} can't be made", lines=5)


def place(host: Host, path: str, content: bytes, mode: str = "0600") -> None:
    """Write a file beside its place, and move it there; ServiceFailedError where that can't be."""
    fresh = QuoteString(f"{path}.new")
    files.send(host, io.BytesIO(content), f"{path}.new")
    moved = StringCommand(f"chmod {mode}", fresh, "&& mv -f", fresh, QuoteString(path))
    run(host, moved, f"{path} can't be written", lines=5)
