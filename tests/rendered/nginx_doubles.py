"""A real nginx with a rendered configuration, and doubles of what is around it in a stack."""

import json
import os
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep
from typing import Any

READY_S = 10
LARGE = 20_000


class Names(socketserver.UDPServer):
    """A double of Docker's DNS: IPv4 addresses by name, which may change."""

    def __init__(self, addresses: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _NamesHandler)
        self.addresses = addresses
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _NamesHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        question, reply = self.request
        assert isinstance(self.server, Names)
        length = question[12]
        name = question[13 : 13 + length].decode()
        address = self.server.addresses.get(name)
        end = question.index(b"\0", 12) + 5
        answer = b""
        if address:
            # The name by reference, type A, class IN, valid for no time at all.
            record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04"
            answer = record + socket.inet_aton(address)
        flags = b"\x81\x80" if address else b"\x81\x83"
        counts = b"\x00\x01" + (b"\x00\x01" if address else b"\x00\x00") + b"\x00\x00\x00\x00"
        reply.sendto(question[:2] + flags + counts + question[12:end] + answer, self.client_address)


class Upstream(ThreadingHTTPServer):
    """A double of a service: tells what it was asked, or behaves as its path says."""

    daemon_threads = True

    def __init__(self, address: str, port: int, name: str) -> None:
        self.name = name
        super().__init__((address, port), _UpstreamHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _UpstreamHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Upstream)
        if self.path.endswith("/stream"):
            self.send_response(101)
            self.send_header("Upgrade", self.headers["Upgrade"])
            self.send_header("Connection", self.headers["Connection"])
            self.end_headers()
            self.wfile.write(self.rfile.readline())
            self.close_connection = True
        elif self.path.endswith("/slow"):
            self.rfile.read()
        elif self.path.endswith("/unready"):
            self._say(503, {"detail": "a store is away"}, {"Retry-After": "1"})
        else:
            padding = "x" * LARGE if self.path.endswith("/large") else ""
            asked = {"service": self.server.name, "headers": dict(self.headers), "x": padding}
            self._say(200, asked, {})

    def _say(self, status: int, body: object, headers: Mapping[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the test tells what matters."""


@contextmanager
def nginx(configuration: str, folder: Path, address: str, port: int) -> Iterator[str]:
    """Run nginx with all that is its container's moved into a folder; yields its URL."""
    program = shutil.which("nginx")
    assert program is not None
    own = folder.joinpath("nginx.conf")
    moved = configuration.replace("/tmp/", f"{folder}/")
    for place in ("/usr/share/nginx/html", "/srv/monitor"):
        moved = moved.replace(place, str(folder / Path(place).name))
    own.write_text(moved.replace("listen ", f"listen {address}:"))
    # As the tests' own user: their folders are nobody else's to read.
    running = subprocess.Popen([program, "-p", folder, "-c", own, "-g", f"daemon off; {_user()}"])
    try:
        _wait_for(address, port, running)
        yield f"http://{address}:{port}"
    finally:
        running.terminate()
        running.wait(READY_S)


def _user() -> str:
    return "user root;" if os.geteuid() == 0 else ""


def _wait_for(address: str, port: int, running: "subprocess.Popen[bytes]") -> None:
    deadline = monotonic() + READY_S
    with socket.socket() as client:
        while client.connect_ex((address, port)) != 0:
            assert running.poll() is None, "nginx ended"
            assert monotonic() < deadline, f"nginx does not listen within {READY_S} s"
            sleep(0.05)
