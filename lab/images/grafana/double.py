"""Test double of Grafana: its health endpoint, login page and first login, nothing else it does."""

import base64
import json
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = b"""<!doctype html><title>Grafana (test double)</title>
<h1>Grafana (test double)</h1><p>The lab has no real Grafana: no registry it reaches has one.</p>
"""
HEALTH = {"database": "ok", "version": "12.0.2", "commit": "test-double"}


def setting(name: str, otherwise: str) -> str:
    """A setting from the environment; `$__file{PATH}` in it is that file, as in Grafana."""
    said = os.environ.get(name, otherwise)
    return re.sub(r"\$__file\{([^}]+)\}", lambda found: Path(found[1]).read_text().strip(), said)


ADMIN = "admin:" + setting("GF_SECURITY_ADMIN_PASSWORD", "admin")


class Handler(BaseHTTPRequestHandler):
    """GET only; an unknown path is 404, as in Grafana."""

    def do_GET(self) -> None:
        """Answer one request."""
        path = self.path.partition("?")[0]
        if path == "/":
            self.send_response(302)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path == "/api/health":
            self._answer(200, "application/json", json.dumps(HEALTH).encode())
        elif path == "/login":
            self._answer(200, "text/html; charset=utf-8", PAGE)
        elif path == "/api/org":
            said = self.headers.get("Authorization") or ""
            known = said == "Basic " + base64.b64encode(ADMIN.encode()).decode()
            self._answer(200 if known else 401, "application/json", b"{}")
        else:
            self._answer(404, "application/json", b'{"message":"Not found"}')

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(os.environ.get("GF_SERVER_HTTP_PORT", "3000"))
    ThreadingHTTPServer(("", port), Handler).serve_forever()
