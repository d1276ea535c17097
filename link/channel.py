"""SSH channels as sockets."""

import io
import socket
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from paramiko import Channel, Transport
    from pyinfra.api.host import Host

STDERR_BYTES = 4096
READ_BUFFER_BYTES = 64 * 1024


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

    def recv_into(self, buffer: bytearray) -> int:
        """Read what has come, 0 at the end; raises what the remote command said if it failed."""
        view = memoryview(buffer)
        data = self._channel.recv(len(view))
        if not data and not self._answered and not self._closing:
            self._raise_remote_error()
        self._answered = True
        view[: len(data)] = data
        return len(data)

    def _raise_remote_error(self) -> None:
        message = self._channel.recv_stderr(STDERR_BYTES).decode(errors="replace").strip()
        if message:
            raise ConnectionAbortedError(message)

    def sendall(self, data: bytes) -> None:
        """Write all of it."""
        self._channel.sendall(data)

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
        self._channel.close()

    def close(self) -> None:
        """Close the channel, or leave that to the last reader made from it."""
        self._closing = True
        if self._open_files == 0:
            self._channel.close()

    # The name under which socket.SocketIO tells its socket that it was closed.
    def _decref_socketios(self) -> None:
        self._open_files -= 1
        if self._closing:
            self.close()


def ssh_transport(host: "Host") -> "Transport | None":
    """The live SSH transport of a host, None for @local.

    Raises ConnectionError when the host has neither.
    """
    if host.connector_cls.__name__ == "LocalConnector":
        return None
    client = getattr(host.connector, "client", None)
    transport: Transport | None = client.get_transport() if client is not None else None
    if transport is None or not transport.is_active():
        raise ConnectionError(f"{host.name}: no live SSH connection")
    return transport
