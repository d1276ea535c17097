"""A service that computes the same small thing again and again, or one that only computes.

`python checks.py NUMBER` starts a computation every 25 ms and prints as JSON how many seconds each
took from the moment when it should have begun; it takes some 5 ms, more than Linux gives a thread
at a time where others wait; `python checks.py burn PROCESSES` computes until it
is ended. It runs in a container that has nothing but Python.
"""

import hashlib
import json
import os
import sys
import time

EVERY_S = 0.025
CONTENT = bytes(8 * 1024 * 1024)


def check(number: int) -> list[float]:
    """Seconds from the moment when each was due to its result."""
    took_s = []
    due = time.monotonic() + EVERY_S
    for _ in range(number):
        time.sleep(max(0.0, due - time.monotonic()))
        hashlib.sha256(CONTENT).digest()
        now = time.monotonic()
        took_s.append(now - due)
        # What came late is not due again in the past: each request stands for itself.
        due = max(due + EVERY_S, now)
    return took_s


def burn(processes: int) -> None:
    """Compute in so many processes."""
    for _ in range(processes - 1):
        if os.fork() == 0:
            break
    while True:
        hashlib.sha256(CONTENT).digest()


if __name__ == "__main__":
    if sys.argv[1] == "burn":
        burn(int(sys.argv[2]))
    else:
        print(json.dumps(check(int(sys.argv[1]))))
