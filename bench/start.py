"""From no container to all healthy, against the longest chain of services that need each other."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bench.command import BenchError, run
from bench.host import Host, converge, lab_hosts
from bench.result import Result, Target, ratio
from stack.model import PHASES, Stack
from stack.release.images import STACK_LABEL

HEALTHY = re.compile(r"(\d+)/(\d+) (\S+) healthy in ([\d.]+) s$")


def start(directory: Path, rounds: int) -> Result:
    """Time the start, and in the same run what its longest chain took."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    starts, chains = [], []
    for _ in range(rounds):
        remove_containers(host)
        healthy_s, seconds = _start(host)
        starts.append(healthy_s)
        chains.append(longest_chain_s(host.stack, seconds))
    return Result(
        "start",
        "images built, no container: from the command to all 16 healthy",
        {"all healthy s": starts, "longest chain s": chains},
        (Target("all healthy / longest chain", ratio(starts, chains), 1.3),),
    )


def remove_containers(host: Host, phase: str | None = None) -> None:
    """Remove the stack's containers, or those of one phase; volumes stay."""
    if phase is None:
        found = host.docker("ps", "-aq", "--filter", f"label={STACK_LABEL}={host.stack.name}")
    else:
        names = (n for n, service in host.stack.services.items() if service.phase == phase)
        filters = (f"--filter=name=^{host.stack.container_name(name)}$" for name in names)
        found = host.docker("ps", "-aq", *filters)
    run(host.ssh(f"{found} | xargs -r {host.docker('rm', '--force')}"))


def _start(host: Host) -> tuple[float, dict[str, float]]:
    """Seconds from the command to the last healthy service, and each service's own."""
    finished = run(host.pyinfra("deploy.py"))
    found = [(at, it) for at, line in finished.lines if (it := HEALTHY.search(line))]
    seconds = {it[3]: float(it[4]) for _, it in found}
    if seconds.keys() != host.stack.services.keys():
        raise BenchError(f"not every service was started:\n{finished.output}")
    return max(at for at, _ in found), seconds


def longest_chain_s(stack: Stack, seconds: Mapping[str, float]) -> float:
    """Sum over the phases, which wait for each other, of the phase's longest chain of needs."""

    @cache
    def chain_s(name: str) -> float:
        service = stack.services[name]
        before = [n for n in service.needs if stack.services[n].phase == service.phase]
        return seconds[name] + max(map(chain_s, before), default=0.0)

    return sum(
        max((chain_s(n) for n, it in stack.services.items() if it.phase == phase), default=0.0)
        for phase in PHASES
    )
