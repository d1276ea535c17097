"""Doubles of an SSH server, of hosts, and of the Docker CLI."""

import contextlib
import select
import socket
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import paramiko
from pyinfra.connectors.local import LocalConnector

MAX_SESSIONS = 10
MSG_CHANNEL_SUCCESS = b"\x63"
"""RFC 4254, 9."""

DOCKER_CLI = """#!{python}
# Test double of `docker system dial-stdio`.
import os, select, socket, sys
path = os.environ["DOCKER_HOST"].removeprefix("unix://")
if sys.argv[1:] != ["system", "dial-stdio"]:
    sys.exit("unexpected arguments: " + repr(sys.argv[1:]))
daemon = socket.socket(socket.AF_UNIX)
try:
    daemon.connect(path)
except OSError as error:
    sys.exit(f"Cannot connect to the Docker daemon at {{path}}: {{error.strerror}}")
while True:
    for ready in select.select([0, daemon], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else daemon.recv(65536)
        if not data:
            sys.exit()
        daemon.sendall(data) if ready == 0 else os.write(1, data)
"""


def write_docker_cli(path: Path) -> Path:
    path.write_text(DOCKER_CLI.format(python=sys.executable))
    path.chmod(0o755)
    return path


class LocalHost:
    name = "@local"

    def __init__(self):
        self.connector = LocalConnector.__new__(LocalConnector)


class SshHost:
    name = "mac1"

    def __init__(self, port):
        self.connector = self.host = self
        self.client = paramiko.SSHClient()
        self.client.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
        self.client.connect(
            "127.0.0.1",
            port,
            "trader",
            auth_strategy=paramiko.auth_strategy.AuthStrategy.__new__(_NoAuthentication),
        )


class _NoAuthentication(paramiko.auth_strategy.AuthStrategy):
    def get_sources(self):
        yield paramiko.auth_strategy.NoneAuth("trader")

    def authenticate(self, transport):
        transport.auth_none("trader")
        return []


class SshServer(paramiko.ServerInterface):
    """One connection's worth of sshd: exec by /bin/sh, direct-tcpip, ten sessions at once."""

    def __init__(self):
        self.processes = []
        self.sessions_seen = 0
        self.opened = {}
        self.accepted = deque()

    def get_allowed_auths(self, username):
        return "none"

    def check_auth_none(self, username):
        return paramiko.AUTH_SUCCESSFUL

    def running(self):
        return [process for process in self.processes if process.poll() is None]

    def check_channel_request(self, kind, chanid):
        self.sessions_seen += 1
        if len(self.running()) >= MAX_SESSIONS:
            return paramiko.OPEN_FAILED_RESOURCE_SHORTAGE
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.processes.append(process)
        self.accepted.append((channel, process))
        return True

    def replied(self):
        """Run it only now, as sshd does: who ends at once would close an unanswered session."""
        threading.Thread(target=_run, args=self.accepted.popleft(), daemon=True).start()

    def check_channel_direct_tcpip_request(self, chanid, origin, destination):
        try:
            self.opened[chanid] = socket.create_connection(destination, timeout=5)
        except OSError:
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        self.opened[chanid].settimeout(None)
        return paramiko.OPEN_SUCCEEDED


class SshTransport(paramiko.Transport):
    """Tells its server when a request to execute a command was answered."""

    def _send_user_message(self, data):
        super()._send_user_message(data)
        if data.asbytes()[:1] == MSG_CHANNEL_SUCCESS:
            self.server_object.replied()


# What a client that is gone leaves behind.
GONE = (OSError, EOFError)


def _run(channel, process):
    threading.Thread(target=_feed, args=(channel, process), daemon=True).start()
    with contextlib.suppress(*GONE):
        while data := process.stdout.read1(65536):
            channel.sendall(data)
        channel.sendall_stderr(process.stderr.read())
        channel.send_exit_status(process.wait() % 256)
        channel.close()


def _feed(channel, process):
    with contextlib.suppress(*GONE), process.stdin:
        while data := channel.recv(65536):
            process.stdin.write(data)
            process.stdin.flush()


def _bridge(channel, endpoint):
    while True:
        ready = select.select([channel, endpoint], [], [])[0]
        if channel in ready:
            if not (data := channel.recv(65536)):
                break
            endpoint.sendall(data)
        if endpoint in ready:
            if not (data := endpoint.recv(65536)):
                break
            channel.sendall(data)
    endpoint.close()
    channel.close()


@contextlib.contextmanager
def ssh_server():
    listener = socket.create_server(("127.0.0.1", 0))
    key = paramiko.RSAKey.generate(2048)
    server = SshServer()

    def serve():
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            transport = SshTransport(connection)
            transport.add_server_key(key)
            transport.start_server(server=server)
            channels = []
            while transport.is_active():
                channel = transport.accept(0.2)
                channels.append(channel)
                if channel is not None and channel.chanid in server.opened:
                    endpoint = server.opened.pop(channel.chanid)
                    threading.Thread(target=_bridge, args=(channel, endpoint), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    server.port = listener.getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for process in server.running():
            process.kill()
