"""A container's health check: `python -m nautilus.probe` ends with 1 unless /health says 200.

Standard library only, and little of it: it runs every few seconds in every container.
"""

import os
import socket
import sys

TIMEOUT_S = 3.0
SHOWN_BYTES = 600


def ask(port: int) -> tuple[int, str]:
    """Status and body of /health on this machine; raises OSError when nobody answers."""
    request = f"GET /health HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(maxsplit=2)[1:2]
    return (int(status[0]) if status else 0), body.decode(errors="replace")


def main() -> int:
    """Print the body's beginning; the exit status is the verdict."""
    port = int(os.environ.get("PORT", "8000"))
    try:
        status, body = ask(port)
    except OSError as error:
        print(f"127.0.0.1:{port}: {error}")
        return 1
    print(f"{status} {body[:SHOWN_BYTES]}")
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
