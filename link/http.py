"""HTTP to the loopback of a host."""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from link.channel import ChannelSocket, is_local, open_tcp

if TYPE_CHECKING:
    from pyinfra.api.host import Host
    from pyinfra.connectors.base import BaseConnector

# httpcore and httpx name their exceptions alike, and httpx maps them in its own transport only.
_HTTPX_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    getattr(httpcore, error.__name__): error
    for error in (
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.PoolTimeout,
        httpx.ConnectError,
        httpx.ReadError,
        httpx.WriteError,
        httpx.LocalProtocolError,
        httpx.RemoteProtocolError,
        httpx.UnsupportedProtocol,
    )
}

# Callers learn of a refused connection from the exception; paramiko would print it as well.
logging.getLogger("paramiko.transport").addFilter(
    lambda record: "open FAILED" not in record.getMessage()
)


def http_client(host: "Host", timeout_s: float = 5) -> httpx.Client:
    """A client for http:// addresses as the host itself sees them, 127.0.0.1 above all.

    The caller closes it. Fails as httpx does: ConnectError when nothing listens or the host's sshd
    refuses to forward, ConnectTimeout and ReadTimeout after `timeout_s` seconds.
    """
    connector = host.connector
    transport = _Transport(None if is_local(connector) else _ChannelBackend(connector))
    return httpx.Client(transport=transport, timeout=timeout_s, trust_env=False)


class _Transport(httpx.BaseTransport):
    def __init__(self, backend: httpcore.NetworkBackend | None) -> None:
        self._pool = httpcore.ConnectionPool(
            network_backend=backend, max_connections=20, max_keepalive_connections=20
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        with _httpx_errors():
            response = self._pool.handle_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


@contextlib.contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except tuple(_HTTPX_ERRORS) as error:
        raise _HTTPX_ERRORS[type(error)](str(error)) from error


class _ChannelBackend(httpcore.NetworkBackend):
    """Opens connections from the host's own sshd (direct-tcpip), not counted as its sessions."""

    def __init__(self, connector: "BaseConnector") -> None:
        self._connector = connector

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        target = f"{self._connector.host.name}: {host}:{port}"
        try:
            return _ChannelStream(open_tcp(self._connector, (host, port), timeout))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{target}: {error}") from error
        except OSError as error:
            raise httpcore.ConnectError(f"{target}: {error}") from error


class _ChannelStream(httpcore.NetworkStream):
    def __init__(self, channel: ChannelSocket) -> None:
        self._channel = channel

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._channel.settimeout(timeout)
        try:
            return self._channel.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout("no answer in time") from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._channel.settimeout(timeout)
        try:
            self._channel.sendall(buffer)
        except TimeoutError as error:
            raise httpcore.WriteTimeout("not accepted in time") from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._channel.close()

    def get_extra_info(self, info: str) -> bool | None:
        # The pool asks this of an idle connection: anything to read then is its end.
        return not self._channel.idle if info == "is_readable" else None
