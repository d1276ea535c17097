"""How many ticks a second marketdata stores, and how small its archive is."""

import json
import sys
from pathlib import Path

from bench.command import run
from bench.host import converge, lab_hosts
from bench.result import Result
from bench.ticks import BATCH, BATCHES
from lab.settings import Settings

NAMES = {
    "ticks_per_second": "ticks stored a second",
    "bytes_per_tick": "bytes of a tick in the archive",
    "plain_ratio": "times smaller than plain binary",
    "json_ratio": "times smaller than the requests' JSON",
}


def marketdata(directory: Path, rounds: int) -> Result:
    """Send a day's ticks over one connection, from within the host's network."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    network = Settings.from_environment().namespace(host.state.name)
    port = host.stack.services["marketdata"].published_port
    samples: dict[str, list[float]] = {name: [] for name in NAMES.values()}
    for number in range(rounds):
        client = [sys.executable, "-m", "bench.ticks", str(port), str(number)]
        answer = json.loads(run(["ip", "netns", "exec", network, *client]).output)
        for key, name in NAMES.items():
            samples[name].append(answer[key])
    return Result(
        "marketdata",
        f"{BATCHES} batches of {BATCH} ticks over one connection, stored with all their bars",
        samples,
        (),
    )
