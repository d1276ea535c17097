"""A test double of a daemon that is too old."""

from http.server import BaseHTTPRequestHandler


class OldDaemon(BaseHTTPRequestHandler):
    """A double of Docker 20.10: it answers pings and says its version."""

    def do_GET(self) -> None:
        body = (
            b'{"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Os": "linux"}'
        )
        self.send_response(200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def address_string(self) -> str:
        return "a unix socket"
