"""A daemon's dialogue, recorded from a real one, and a double that replays it.

The double stands for the daemon and for the endpoints of a host's containers, where so many real
ones don't fit: `python -m bench.recorded RECORDING SOCKET`, in the host's network. It answers what
was recorded and nothing else: any other request gets 501, and is written to SOCKET.unknown.
"""

import json
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Lock, Thread

OF_A_CONNECTION = {"connection", "content-length", "date", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True)
class Reply:
    """A whole HTTP answer; the body of Docker's API is text."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Recording:
    """Requests by method, place and body → their replies in order; the last is followed by the
    first, since a container's counters are asked twice a run."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    endpoint_ports: list[int] = field(default_factory=list)

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "Recording":
        """Read what `write` wrote."""
        content = json.loads(file.read_text())
        replies = {key: [Reply(**it) for it in each] for key, each in content["replies"].items()}
        return cls(replies, content["endpoint_ports"])


Ask = Callable[[str, str, str, bytes, dict[str, str]], Reply]
"""From port ("" for the daemon), method, path, body and headers to the answer."""


def request_key(port: str, method: str, path: str, body: bytes) -> str:
    """A request as the recording knows it."""
    content = f" {sha256(body).hexdigest()}" if body else ""
    return f"{method} {port}{path}{content}"


class Recorder:
    """Passes requests on to a real daemon, and keeps what it answered."""

    def __init__(self, upstream: Path, recording: Recording) -> None:
        self._upstream, self._recording = upstream, recording
        self._lock = Lock()

    def ask(self, port: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        connection = HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self._upstream))
        sent = {key: it for key, it in headers.items() if key.lower() not in OF_A_CONNECTION}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        kept = {key: it for key, it in answer.getheaders() if key.lower() not in OF_A_CONNECTION}
        reply = Reply(answer.status, kept, answer.read().decode())
        connection.close()
        with self._lock:
            key = request_key(port, method, path, body)
            self._recording.replies.setdefault(key, []).append(reply)
        return reply


class Double:
    """Answers what was recorded."""

    def __init__(self, recording: Recording, unknown: Path) -> None:
        self._recording, self._unknown = recording, unknown
        self._numbers = {key: count() for key in recording.replies}

    def ask(self, port: str, method: str, path: str, body: bytes, _: dict[str, str]) -> Reply:
        key = request_key(port, method, path, body)
        replies = self._recording.replies.get(key)
        if replies is None:
            with self._unknown.open("a") as file:
                file.write(f"{key}\n")
            message = json.dumps({"message": f"the double has no recording of {key}"})
            return Reply(501, {"Content-Type": "application/json"}, message)
        return replies[next(self._numbers[key]) % len(replies)]


def handler(ask: Ask, port: str) -> type[BaseHTTPRequestHandler]:
    """What serves a connection by asking; a request that is no plain HTTP is refused."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # A whole answer at once.

        def _answer(self) -> None:
            if self.headers["Upgrade"] or self.headers["Transfer-Encoding"]:
                self.send_error(501, "only plain requests are recorded")
                return
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            reply = ask(port, self.command, self.path, body, dict(self.headers))
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            content = b"" if self.command == "HEAD" else reply.body.encode()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            """Say nothing of each request."""

    return Handler


class SocketServer(ThreadingUnixStreamServer):
    """Listens on a Unix socket that every user may open."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, ask: Ask) -> None:
        super().__init__(str(path), handler(ask, ""))
        path.chmod(0o666)


def main() -> None:
    """Serve a recording until the process is ended."""
    recording = Recording.read(Path(sys.argv[1]))
    path = Path(sys.argv[2])
    double = Double(recording, unknown_file(path))
    for port in recording.endpoint_ports:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler(double.ask, f":{port}"))
        Thread(target=server.serve_forever, daemon=True).start()
    SocketServer(path, double.ask).serve_forever()


def unknown_file(path: Path) -> Path:
    """Where a double at this socket writes what it was asked and does not know."""
    return path.with_suffix(".unknown")


if __name__ == "__main__":
    main()
