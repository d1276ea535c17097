"""A command that runs on a host for a while, and is talked to line by line."""

import socket
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from link.channel import ChannelSocket, is_local, open_command

if TYPE_CHECKING:
    from pyinfra.connectors.base import BaseConnector


class Dialogue:
    """Lines to a command's standard input, and lines from its standard output.

    Its errors are those of a socket: OSError, and TimeoutError after `timeout_s` seconds.
    """

    def __init__(self, connector: "BaseConnector", words: Sequence[str], timeout_s: float) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        endpoint: socket.socket | ChannelSocket
        if is_local(connector):
            endpoint, other = socket.socketpair()
            endpoint.settimeout(timeout_s)
            with other:
                self._process = subprocess.Popen(words, stdin=other.fileno(), stdout=other.fileno())
        else:
            endpoint = open_command(connector, words, timeout_s)
        self._endpoint = endpoint
        # A channel makes readers as a socket does.
        self._lines = cast(socket.socket, endpoint).makefile("rb")

    def say(self, line: str) -> None:
        """Send a line."""
        self._endpoint.sendall(f"{line}\n".encode())

    def hear(self) -> str | None:
        """The next line; None when the command has ended."""
        line = self._lines.readline()
        return line.decode(errors="replace").rstrip("\n") if line else None

    def close(self) -> None:
        """End the conversation, which ends the command's input."""
        self._lines.close()
        self._endpoint.close()
        if self._process:
            self._process.wait()
