"""An HTTP service of one page: `python tide.py` serves, `python tide.py check` asks it."""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

PORT = int(os.environ["PORT"])
SLOW_S = 0.7


class Tide(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.endswith("/slow"):
            time.sleep(SLOW_S)
        greeting = os.environ.get("GREETING", "")
        body = json.dumps({"release": os.environ["RELEASE"], "greeting": greeting}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve() -> None:
    """Answer until SIGTERM; what has begun by then is answered to its end."""
    server = ThreadingHTTPServer(("", PORT), Tide)
    server.daemon_threads = False
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()


if sys.argv[1:] == ["check"]:
    urlopen(f"http://127.0.0.1:{PORT}/health", timeout=2).close()
else:
    serve()
