"""What a map does to the latency of one service, simulated: cores that serve their threads in turn.

A model, not Linux: each core gives one thread a slice, then the next, in the order of their coming;
a thread waits where the queue of its cpuset is shortest. Linux lets a thread that has just woken
up come earlier, so where cores are shared the real waiting is shorter; that cores of one's own
need no waiting for others holds for both.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import simpy

from stack.model import Map, Stack
from stack.quantities import cores_of

SLICE_S = 0.003
"""What Linux gives a thread at a time on a machine of eight cores or more, about."""
CYCLE_S = 0.05
"""A thread that needs less than a core runs for its share of this, and pauses for the rest."""
Process = simpy.events.ProcessGenerator


@dataclass(frozen=True)
class Load:
    """A service that is as busy as its CPUs allow, on its cores."""

    cpus: float
    cores: tuple[int, ...]


@dataclass(frozen=True)
class Checks:
    """Requests to the service whose latency counts, each of the same work."""

    cores: tuple[int, ...]
    workers: int
    work_s: float = 0.001
    per_second: float = 200


@dataclass
class _Host:
    env: simpy.Environment
    cores: list[simpy.Resource]
    latencies_s: list[float] = field(default_factory=list)

    def work(self, mine: Sequence[int], amount_s: float) -> Process:
        """Use some core of mine, slice by slice, until the work is done."""
        while amount_s > 0:
            core = min((self.cores[it] for it in mine), key=lambda it: len(it.queue) + it.count)
            with core.request() as turn:
                yield turn
                slice_s = min(SLICE_S, amount_s)
                yield self.env.timeout(slice_s)
            amount_s -= slice_s

    def thread(self, mine: Sequence[int], share: float, pause_s: float) -> Process:
        """A thread that needs this share of a core for ever."""
        yield self.env.timeout(pause_s)
        while True:
            began = self.env.now
            yield from self.work(mine, share * CYCLE_S)
            # One that had to wait has no pause left.
            yield self.env.timeout(max(0.0, began + CYCLE_S - self.env.now))

    def arrivals(self, checks: Checks, chance: Random) -> Process:
        """Requests, at random times, each answered by the next worker that is free."""
        workers = simpy.Resource(self.env, checks.workers)
        while True:
            yield self.env.timeout(chance.expovariate(checks.per_second))
            self.env.process(self.check(checks, workers))

    def check(self, checks: Checks, workers: simpy.Resource) -> Process:
        """One request, from its coming to its answer."""
        began = self.env.now
        with workers.request() as worker:
            yield worker
            yield from self.work(checks.cores, checks.work_s)
        self.latencies_s.append(self.env.now - began)


def latencies_s(
    checks: Checks, others: Sequence[Load], cpus: int, seconds: float, seed: int = 0
) -> list[float]:
    """The latency of each request that was answered in this simulated time, in seconds."""
    chance = Random(seed)  # noqa: S311 - nothing secret: the seed makes it repeatable
    env = simpy.Environment()
    host = _Host(env, [simpy.Resource(env) for _ in range(cpus)])
    for load in others:
        threads = math.ceil(load.cpus)
        for _ in range(threads):
            share = load.cpus / threads
            env.process(host.thread(load.cores, share, chance.uniform(0, CYCLE_S)))
    env.process(host.arrivals(checks, chance))
    env.run(until=seconds)
    return host.latencies_s


def on_map(stack: Stack, planned: Map, service: str, cpus: int) -> tuple[Checks, list[Load]]:
    """A service's requests, and all others of a stack at full demand, as a map places them."""
    every = tuple(range(cpus))
    cores = {name: it.cpuset for name, it in planned.services.items()}
    placed = {name: cores_of(own) if own else every for name, own in cores.items()}
    others = [
        Load(it.cpus, tuple(placed[name])) for name, it in stack.services.items() if name != service
    ]
    return Checks(tuple(placed[service]), stack.services[service].workers), others


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all is not above (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def summary_ms(values_s: Sequence[float]) -> Mapping[str, float]:
    """p50 and p99, in milliseconds."""
    return {name: 1e3 * percentile(values_s, at) for name, at in (("p50", 0.5), ("p99", 0.99))}
