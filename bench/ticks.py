"""Send the marketdata engine a day's ticks: `python -m bench.ticks PORT NUMBER`.

Prints as JSON how many ticks it took in a second, and how small it packed them. It runs in the
network of a lab's host, where the engine listens.
"""

import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

TIMEOUT_S = 120
BATCHES, BATCH = 20, 5_000
SPACING_MS = 40
PLAIN_BYTES = 8 + 8 + 4 + 8 + 8
"""A tick without any compression: symbol, time, sequence, price and size."""


def main() -> None:
    """Send all batches one after the other, then fetch their segment."""
    port, number = map(int, sys.argv[1:])
    # New at every run, as its ticks must be.
    symbol = f"BENCH{number}-{int(time.time())}"
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    bodies = _bodies(symbol, day, number)
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    began = time.perf_counter()
    stored = sum(
        json.loads(_ask(connection, "POST", "/data/ingest", body))["stored"] for body in bodies
    )
    took_s = time.perf_counter() - began
    segment = _ask(connection, "GET", f"/data/{symbol}/segment?day={day.date()}")
    print(
        json.dumps(
            {
                "ticks_per_second": stored / took_s,
                "bytes_per_tick": len(segment) / stored,
                "plain_ratio": PLAIN_BYTES * stored / len(segment),
                "json_ratio": sum(map(len, bodies)) / len(segment),
            }
        )
    )


def _bodies(symbol: str, start: datetime, seed: int) -> list[bytes]:
    """A seeded walk in whole cents, at uneven times."""
    draw = random.Random(seed)  # noqa: S311
    at, cents = start, 10_000
    bodies = []
    for _ in range(BATCHES):
        ticks = []
        for _ in range(BATCH):
            at += timedelta(milliseconds=draw.expovariate(1 / SPACING_MS) + 0.001)
            cents = max(1, cents + draw.choice((-2, -1, -1, 0, 0, 0, 1, 1, 2)))
            size = draw.choice((1, 5, 10, 50, 100))
            ticks.append(
                {"symbol": symbol, "at": at.isoformat(), "price": cents / 100, "size": size}
            )
        bodies.append(json.dumps({"ticks": ticks}).encode())
    return bodies


def _ask(connection: HTTPConnection, method: str, path: str, body: bytes | None = None) -> bytes:
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{method} {path}: {answer.status} {content[:500]!r}")
    return content


if __name__ == "__main__":
    main()
