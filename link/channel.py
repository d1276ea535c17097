"""SSH channels of the connection that pyinfra holds, as sockets."""

import contextlib
import io
import shlex
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from gevent.event import Event
from paramiko import SSHException
from pyinfra.connectors.local import LocalConnector

if TYPE_CHECKING:
    from paramiko import Channel, Transport
    from pyinfra.connectors.base import BaseConnector

STDERR_BYTES = 4096
READ_BUFFER_BYTES = 64 * 1024


LOOK_S = 2.0
"""How often it is looked whether a connection that is only held still is there."""


class ChannelSocket:
    """A paramiko channel with the part of a socket's interface that http.client uses.

    A channel itself cannot stand in: closing it ends the responses still being read from it, its
    `shutdown` leaves a blocked reader blocked, and its `fileno` opens a pipe for each channel.
    """

    def __init__(self, channel: "Channel") -> None:
        self._channel = channel
        self._open_files = 0
        self._closing = False
        self._answered = False

    def makefile(self, mode: str, buffering: int = -1) -> io.BufferedReader:
        """A buffered reader; the channel stays open until the reader is closed too."""
        if mode != "rb":
            raise ValueError(f"a channel is read as 'rb', not {mode!r}")
        self._open_files += 1
        raw = socket.SocketIO(cast(socket.socket, self), "rb")
        return io.BufferedReader(raw, READ_BUFFER_BYTES if buffering < 0 else buffering)

    def recv(self, limit_bytes: int) -> bytes:
        """What has come, b"" at the end; raises what the remote command said if it failed."""
        with _connection_errors():
            data = self._channel.recv(limit_bytes)
            if not data and not self._answered and not self._closing:
                self._raise_what_was_said()
        self._answered = True
        return data

    def _raise_what_was_said(self) -> None:
        message = self._channel.recv_stderr(STDERR_BYTES).decode(errors="replace")
        if message:
            raise ConnectionAbortedError(message.strip())

    def recv_into(self, buffer: bytearray) -> int:
        """Like `recv`, into a buffer."""
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Write all of it; raises what the remote command said if it has failed by then."""
        with _connection_errors():
            try:
                self._channel.sendall(data)
            except OSError:
                # It may have ended before this write, and then there is no read to tell why.
                if self._channel.closed and not self._answered and not self._closing:
                    self._raise_what_was_said()
                raise

    def settimeout(self, timeout_s: float | None) -> None:
        """Seconds a read or write may wait; None is without end."""
        self._channel.settimeout(timeout_s)

    def gettimeout(self) -> float | None:
        """Seconds a read or write may wait; None is without end."""
        return self._channel.gettimeout()

    @property
    def idle(self) -> bool:
        """Open at both ends with nothing to read, so fit for another request."""
        channel = self._channel
        return not (channel.closed or channel.eof_received or channel.recv_ready())

    def shutdown(self, _how: int) -> None:
        """End both directions at once; a reader in another greenlet sees the end of the stream."""
        self._closing = True
        # A connection that is gone took its channels with it.
        with contextlib.suppress(OSError, EOFError):
            self._channel.close()

    def close(self) -> None:
        """Close the channel, or leave that to the last reader made from it."""
        self._closing = True
        if self._open_files == 0:
            self.shutdown(socket.SHUT_RDWR)

    # The name under which socket.SocketIO tells its socket that it was closed.
    def _decref_socketios(self) -> None:
        self._open_files -= 1
        if self._closing:
            self.close()


def is_local(connector: "BaseConnector") -> bool:
    """Whether the host is this machine, by pyinfra's @local."""
    return isinstance(connector, LocalConnector)


def cut(connector: "BaseConnector") -> None:
    """End a host's SSH connection and all that goes on in it; on this machine there is none."""
    client = getattr(connector, "client", None)
    if client is not None:
        client.close()


def wait_until_lost(connector: "BaseConnector") -> None:
    """Return when a host's SSH connection has ended; paramiko has no event for it."""
    transport = _transport(connector)
    while transport.is_active():
        Event().wait(LOOK_S)


def open_command(
    connector: "BaseConnector", words: Sequence[str], timeout_s: float | None
) -> ChannelSocket:
    """Run a command on a host, one of its SSH sessions, and talk to its standard streams.

    Raises ConnectionError or TimeoutError.
    """
    transport = _transport(connector)
    with _connection_errors():
        channel = transport.open_session(timeout=timeout_s)
        channel.settimeout(timeout_s)
        channel.exec_command(shlex.join(words))
    return ChannelSocket(channel)


def open_tcp(
    connector: "BaseConnector", address: tuple[str, int], timeout_s: float | None
) -> ChannelSocket:
    """Connect to an address from the host itself (direct-tcpip), which is no session.

    Raises ConnectionError or TimeoutError.
    """
    transport = _transport(connector)
    with _connection_errors():
        channel = transport.open_channel(
            "direct-tcpip", address, ("127.0.0.1", 0), timeout=timeout_s
        )
    return ChannelSocket(channel)


def _transport(connector: "BaseConnector") -> "Transport":
    client = getattr(connector, "client", None)
    transport: Transport | None = client.get_transport() if client is not None else None
    if transport is None or not transport.is_active():
        raise ConnectionError(f"{connector.host.name}: no live SSH connection")
    return transport


@contextlib.contextmanager
def _connection_errors() -> Iterator[None]:
    """Paramiko's errors as those of a socket."""
    try:
        yield
    except EOFError as error:
        raise ConnectionResetError("the SSH connection is gone") from error
    except SSHException as error:
        # Paramiko has no exception of its own for it.
        if str(error) == "Timeout opening channel.":
            raise TimeoutError(str(error)) from error
        raise ConnectionError(str(error)) from error
