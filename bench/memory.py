"""The most memory that the control process holds while it deploys to two hosts."""

from pathlib import Path

from bench.build import cool
from bench.command import run
from bench.host import converge, lab_hosts, nothing_to_do, pyinfra
from bench.result import Result, Target
from bench.start import remove_containers

HOSTS = 2
MIB = 1024**2


def memory(directory: Path, rounds: int) -> Result:
    """Peak resident size with nothing to do, and with engines to build and everything to start."""
    hosts = lab_hosts(HOSTS, directory)
    converge(hosts)
    idle = [nothing_to_do(hosts).peak_rss_bytes / MIB for _ in range(rounds)]
    for host in hosts:
        remove_containers(host)
        cool(host)
    busy = [run(pyinfra(hosts, "deploy.py")).peak_rss_bytes / MIB]
    return Result(
        "memory",
        f"peak resident size of the control process, {HOSTS} hosts",
        {"nothing to do MiB": idle, "build and start MiB": busy},
        (Target("highest peak", max(*idle, *busy), 200, "MiB"),),
    )
