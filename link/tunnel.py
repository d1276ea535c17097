"""Open a host's published ports on this machine, through the SSH connection pyinfra has."""

import contextlib
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

import gevent
from gevent.server import StreamServer

from link.channel import ChannelSocket, open_tcp

if TYPE_CHECKING:
    from pyinfra.api.host import Host

CHUNK_BYTES = 64 * 1024
OPEN_TIMEOUT_S = 10
UNPRIVILEGED = 8000
"""Added to a port below 1024, which only root may open here: 80 becomes 8080 and so on."""


class Tunnel:
    """Listeners on this machine's loopback that lead to the loopback of a host."""

    def __init__(self, host: "Host", address: str) -> None:
        # Its connector: `pyinfra.host` is no host in the greenlets that serve.
        self._connector, self._address = host.connector, address
        self._servers: list[StreamServer] = []

    def open(self, ports: Mapping[str, int]) -> dict[str, int]:
        """Listen for each named port of the host; the local port of each, free ones if need be."""
        return {name: self._listen(port) for name, port in ports.items()}

    def close(self) -> None:
        """Stop listening, and end the connections."""
        for server in self._servers:
            server.stop()

    def _listen(self, port: int) -> int:
        def connect(client: socket.socket, _peer: object) -> None:
            self._serve(client, port)

        server = StreamServer(("127.0.0.1", port if port >= 1024 else port + UNPRIVILEGED), connect)
        try:
            server.start()
        except OSError:  # Taken by another program: any free port will do.
            server = StreamServer(("127.0.0.1", 0), connect)
            server.start()
        self._servers.append(server)
        return int(server.server_port)

    def _serve(self, client: socket.socket, port: int) -> None:
        with contextlib.closing(client):
            try:
                remote = open_tcp(self._connector, (self._address, port), OPEN_TIMEOUT_S)
            except OSError:
                return  # Nothing listens there: the client sees its connection end.
            remote.settimeout(None)
            both = [gevent.spawn(_send, client, remote), gevent.spawn(_receive, remote, client)]
            gevent.joinall(both, count=1)
            remote.shutdown(socket.SHUT_RDWR)
            gevent.killall(both)


def _send(client: socket.socket, remote: ChannelSocket) -> None:
    with contextlib.suppress(OSError):  # One side has gone, which ends the pair.
        while data := client.recv(CHUNK_BYTES):
            remote.sendall(data)


def _receive(remote: ChannelSocket, client: socket.socket) -> None:
    buffer = bytearray(CHUNK_BYTES)
    with contextlib.suppress(OSError):
        while size := remote.recv_into(buffer):
            client.sendall(buffer[:size])
