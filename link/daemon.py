"""The Docker SDK on a host's daemon, without a local socket and without a forwarded port."""

import contextlib
import os
import socket
from collections.abc import Callable
from typing import cast
from weakref import WeakKeyDictionary, WeakSet

from docker import APIClient
from docker.utils.proxy import ProxyConfig
from pyinfra.api.host import Host
from pyinfra.connectors.base import BaseConnector
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from facts.runtime import Daemon
from link.channel import ChannelSocket, is_local, open_command

API_VERSION = "1.44"
"""The API of Docker 25, the oldest supported; asked for as it is, which saves a round trip."""

MAX_CONNECTIONS = 4
"""sshd allows ten sessions a connection (MaxSessions), and pyinfra's own commands need some."""

Endpoint = socket.socket | ChannelSocket
Dial = Callable[[float | None], Endpoint]

# By connector: `pyinfra.host` is another host, or none, when another greenlet looks at it.
_clients: WeakKeyDictionary[BaseConnector, APIClient] = WeakKeyDictionary()


def daemon(host: Host, runtime: Daemon, timeout_s: int = 60) -> APIClient:
    """The Docker SDK's client for a host's daemon: one a host, with four connections at most.

    A stream (events, logs, a pull's progress) holds one of the four until it is closed; a request
    beyond the fourth waits. Requests fail as the SDK's do, with `requests` and `docker` exceptions.
    """
    connector = host.connector
    client = _clients.get(connector)
    if client is None:
        client = _client(_dial(connector, runtime), timeout_s)
        _clients[connector] = client
    return client


def close(host: Host) -> None:
    """Close a host's client and every connection of it, those in use too."""
    client = _clients.pop(host.connector, None)
    if client is not None:
        client.close()


def _client(dial: Dial, timeout_s: int) -> APIClient:
    client = APIClient(base_url="unix:///unused", version=API_VERSION, timeout=timeout_s)
    client.mount("http+docker://", _Adapter(dial))
    # The control machine's proxies, netrc and registry logins are not the host's.
    client.trust_env = False
    client.reload_config(dockercfg_path=os.devnull)
    client._proxy_configs = ProxyConfig()  # type: ignore[attr-defined]
    return client


def _dial(connector: BaseConnector, runtime: Daemon) -> Dial:
    address = f"unix://{runtime.docker_socket}"
    words = ["env", f"DOCKER_HOST={address}", runtime.docker_cli, "system", "dial-stdio"]
    if is_local(connector):
        return lambda timeout_s: _open_unix(runtime.docker_socket, timeout_s)
    return lambda timeout_s: open_command(connector, words, timeout_s)


def _open_unix(path: str, timeout_s: float | None) -> socket.socket:
    endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        endpoint.settimeout(timeout_s)
        endpoint.connect(path)
    except OSError:
        endpoint.close()
        raise
    return endpoint


class _Connection(HTTPConnection):
    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost")
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return cast(socket.socket, self._dial(self.timeout))

    @property
    def is_connected(self) -> bool:
        endpoint: object = self.sock
        return endpoint.idle if isinstance(endpoint, ChannelSocket) else super().is_connected


class _Pool(HTTPConnectionPool):
    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost", maxsize=MAX_CONNECTIONS, block=True)
        self._dial = dial

    def _new_conn(self) -> _Connection:
        self.num_connections += 1
        return _Connection(self._dial)


class _Adapter(HTTPAdapter):
    """Sends every path through one pool; the SDK's own adapters keep a pool for each path."""

    def __init__(self, dial: Dial) -> None:
        super().__init__()
        self._dial = dial
        self._endpoints: WeakSet[Endpoint] = WeakSet()
        self._pool = _Pool(self._connect)

    def _connect(self, timeout_s: float | None) -> Endpoint:
        endpoint = self._dial(timeout_s)
        self._endpoints.add(endpoint)
        return endpoint

    def get_connection_with_tls_context(self, *_args: object, **_kwargs: object) -> _Pool:
        return self._pool

    def request_url(self, request: PreparedRequest, _proxies: object) -> str:
        return request.path_url

    def close(self) -> None:
        super().close()
        self._pool.close()
        for endpoint in list(self._endpoints):
            # Already closed, or by the other end.
            with contextlib.suppress(OSError):
                endpoint.shutdown(socket.SHUT_RDWR)
            endpoint.close()
