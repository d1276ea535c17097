"""An HTTP service of one page: `python tide.py` serves, `python tide.py check` asks it."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

PORT = int(os.environ["PORT"])


class Tide(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        greeting = os.environ.get("GREETING", "")
        body = json.dumps({"release": os.environ["RELEASE"], "greeting": greeting}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if sys.argv[1:] == ["check"]:
    urlopen(f"http://127.0.0.1:{PORT}/health", timeout=2).close()
else:
    ThreadingHTTPServer(("", PORT), Tide).serve_forever()
