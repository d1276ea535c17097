"""Every engine under its own load, beside the same computed directly in its container."""

import json
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from bench.command import BenchError, run
from bench.daemon import MemoryWatch, starts
from bench.host import HOME, Host, converge, lab_hosts
from bench.loads import LOADS, Load
from bench.result import Result, Target
from lab.settings import Settings

CONNECTIONS = 4
# Into a container's /tmp, all else of which is read-only.
UNPACK = """
import base64, runpy, sys
with open("/tmp/bench.zip", "wb") as file:
    file.write(base64.b64decode(sys.argv.pop(1)))
sys.path.insert(0, file.name)
runpy.run_module("bench.direct", run_name="__main__")
"""
LONG_MS = 50.0
"""A computation beyond this has a target in per cent, as a request's own cost is constant."""


@dataclass
class Measured:
    """A load's figures, one a round."""

    direct_ms: list[float]
    request_ms: list[float]
    p99_ms: list[float]
    per_second: list[float]
    memory_percent: list[float]
    """Of the container's limit, the most that was seen."""

    @property
    def overhead_ms(self) -> float:
        """Median over the rounds of what a request takes longer than its computation."""
        pairs = zip(self.request_ms, self.direct_ms, strict=True)
        return median(request - direct for request, direct in pairs)

    @property
    def overhead_percent(self) -> float:
        """The same, of the computation."""
        pairs = zip(self.request_ms, self.direct_ms, strict=True)
        return median((request / direct - 1) * 100 for request, direct in pairs)


def engines(directory: Path, rounds: int) -> Result:
    """Ask one request at a time, compute directly, ask several at once; engine by engine."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    before = starts(host)
    measured = {name: Measured([], [], [], [], []) for name in LOADS}
    for number in range(rounds):
        for name, load in LOADS.items():
            _measure(host, name, load, number, measured[name])
    ended = set(before) - set(starts(host))
    if ended:
        raise BenchError(f"containers were started again: {', '.join(sorted(ended))}")
    samples = {
        f"{name}: {figure.replace('_', ' ')}": values
        for name, figures in measured.items()
        for figure, values in vars(figures).items()
    }
    return Result(
        "engines",
        "each engine's load test: computed directly (p50), one request at a time (p50),"
        f" {CONNECTIONS} at a time (p99, requests per second), memory of its limit",
        samples,
        tuple(_targets(measured)),
    )


def _targets(measured: Mapping[str, Measured]) -> list[Target]:
    check = measured["risk check"]
    most = max(max(figures.memory_percent) for figures in measured.values())
    return [
        Target("risk check: a request's overhead", check.overhead_ms, 2, "ms"),
        *(
            Target(f"{name}: overhead", figures.overhead_percent, 15, "%")
            for name, figures in measured.items()
            if median(figures.direct_ms) >= LONG_MS
        ),
        Target("most memory of a limit", most, 100, "%"),
    ]


def _measure(host: Host, name: str, load: Load, number: int, measured: Measured) -> None:
    container = host.stack.container_name(load.engine)
    # Each round's requests are others than the former ones'.
    first = number * load.count * (CONNECTIONS + 1)
    alone = _ask(host, name, first, load.count, 1)
    direct = _direct(host, container, name, load.count)
    many = load.count * CONNECTIONS
    with MemoryWatch(host, container) as watch:
        together = _ask(host, name, first + load.count, many, CONNECTIONS)
    measured.direct_ms.append(median(direct))
    measured.request_ms.append(median(alone["each_ms"]))
    measured.p99_ms.append(quantiles(together["each_ms"], n=100, method="inclusive")[98])
    measured.per_second.append(many / (together["all_ms"] / 1e3))
    measured.memory_percent.append(watch.most_percent)


def _direct(host: Host, container: str, name: str, count: int) -> list[float]:
    command = host.docker("exec", container, "python", "-c", UNPACK, _packed(), name, str(count))
    return list(map(float, json.loads(run(host.ssh(command)).lines[-1][1])))


@cache
def _packed() -> str:
    """The modules that compute directly, as text that fits a command line."""
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as file:
        for module in ("__init__", "loads", "direct"):
            file.write(HOME / f"bench/{module}.py", f"bench/{module}.py")
    return b64encode(archive.getvalue()).decode()


def _ask(host: Host, name: str, first: int, count: int, connections: int) -> dict[str, Any]:
    """Send requests from within the host's network, without SSH between."""
    network = Settings.from_environment().namespace(host.state.name)
    port = host.stack.services[LOADS[name].engine].published_port
    numbers = map(str, (port, first, count, connections))
    client = [sys.executable, "-m", "bench.client", name, *numbers]
    answer: dict[str, Any] = json.loads(run(["ip", "netns", "exec", network, *client]).output)
    return answer
