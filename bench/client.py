"""Send an engine its load: `python -m bench.client LOAD PORT FIRST COUNT CONNECTIONS`.

Prints the milliseconds of each request, and of all together, as JSON. What is accepted as a job
(202, with a place to ask) counts until it has ended. It runs in the network of a lab's host, where
the engines listen.
"""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from itertools import count
from typing import Any

from bench.loads import LOADS

TIMEOUT_S = 120
ENDED = ("done", "failed", "cancelled")
WAIT_S = 5


class Client:
    """One connection, kept open."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

    def post(self, path: str, body: bytes) -> float:
        """Milliseconds from the request to its answer, or to its job's end."""
        began = time.perf_counter()
        place, answer = self._ask("POST", path, body)
        while place and answer["state"] not in ENDED:
            _, answer = self._ask("GET", f"{place}?wait_s={WAIT_S}")
        took_ms = (time.perf_counter() - began) * 1e3
        if place and answer["state"] != "done":
            raise SystemExit(f"{path}: {answer['state']}: {answer['error']}")
        return took_ms

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[str | None, Any]:
        self._connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:500]!r}")
        return answer.getheader("Location"), json.loads(content)


def main() -> None:
    """Send all requests, over some connections at once."""
    name = sys.argv[1]
    port, first, requests, connections = map(int, sys.argv[2:])
    load = LOADS[name]
    if load.before and first == 0:
        path, content = load.before
        Client(port).post(path, json.dumps(content).encode())
    bodies = [json.dumps(load.body(n)).encode() for n in range(first, first + requests)]
    numbers = count()

    def send(_: int) -> list[float]:
        client = Client(port)
        return [client.post(load.path, bodies[n]) for n in _below(numbers, requests)]

    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as threads:
        took_ms = [one for many in threads.map(send, range(connections)) for one in many]
    print(json.dumps({"each_ms": took_ms, "all_ms": (time.perf_counter() - began) * 1e3}))


def _below(numbers: Iterator[int], end: int) -> Iterator[int]:
    # Each connection takes the next request as soon as it is free; `count` is safe for threads.
    return iter(lambda: min(next(numbers), end), end)


if __name__ == "__main__":
    main()
