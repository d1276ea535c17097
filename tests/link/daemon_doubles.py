"""Doubles of a Docker daemon and of a service: HTTP servers of this process."""

import contextlib
import json
import queue
import socketserver
import threading
from http.server import BaseHTTPRequestHandler


class DaemonHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def setup(self):
        super().setup()
        self.server.connections += 1
        self.server.open_connections += 1

    def finish(self):
        self.server.open_connections -= 1
        super().finish()

    def do_GET(self):
        if "/events" in self.path:
            self._stream()
        elif "/silent" in self.path:
            self.server.released.wait(10)
        else:
            self._answer({"path": self.path, "authorization": self.headers.get("Authorization")})

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        self._answer({"bytes": len(self.rfile.read(size))})

    def _answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        while True:
            event = self.server.events.get()
            if event is None:
                self.wfile.write(b"0\r\n\r\n")
                return
            body = json.dumps(event).encode() + b"\n"
            self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            self.wfile.flush()


class _Counting:
    daemon_threads = True
    request_queue_size = 64

    def start(self):
        self.events = queue.Queue()
        self.released = threading.Event()
        self.connections = self.open_connections = 0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass


class UnixDaemon(_Counting, socketserver.ThreadingUnixStreamServer):
    pass


class TcpService(_Counting, socketserver.ThreadingTCPServer):
    pass


@contextlib.contextmanager
def serving(server):
    server.start()
    try:
        yield server
    finally:
        server.released.set()
        server.events.put(None)
        server.shutdown()
        server.server_close()
