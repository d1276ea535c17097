"""What services really used, and the demands that fit it with headroom."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from stack.load import Inputs
from stack.model import Allocation, Chip, Daemon, Map, Service
from stack.planner.demands import Demand, demands_of
from stack.planner.findings import core_loads
from stack.planner.map import plan
from stack.quantities import MIB, show_memory

ENOUGH_MINUTES = 24 * 60
"""Less history than a day has not seen what comes once a day."""
LEAST_MINUTES = 10
"""With less nothing is recommended."""
HEADROOM = 1.5
"""Above the 95th percentile of CPU, and above the most memory that was seen."""
PEAK_HEADROOM = 1.1
"""Above the most CPU that was seen."""
SATURATED = 0.95
"""A service that used so much of a limit may have wanted more, so nobody knows how much."""
CPU_STEP = 0.05
START_CPUS = 0.5
"""A start takes CPU that the history since then may not show: nobody who has this gets less."""
MEMORY_STEP, LEAST_MEMORY = 16 * MIB, 32 * MIB
MEMORIES = ("memory", "reservation")


@dataclass(frozen=True)
class Quantiles:
    """Half of the time no more than, nearly always no more than, and the most that was seen."""

    p50: float
    p95: float
    max: float


@dataclass(frozen=True)
class Used:
    """What one service used over a while."""

    minutes: int
    """Minutes of which something is known."""
    cpus: Quantiles
    memory_bytes: Quantiles
    of_limit: float
    """The most CPU as a part of the limit that held then, of the monitor's cap for one."""


@dataclass(frozen=True)
class Recommendation:
    """What to say as `overrides`, and what that leads to."""

    overrides: Mapping[str, Mapping[str, float | str]]
    left_alone: Mapping[str, str]
    """Service → why nothing is recommended for it."""
    map: Map
    """What the next deploy would plan with these overrides."""
    doubts: tuple[str, ...]


def recommend(
    inputs: Inputs,
    chip: Chip,
    daemon: Daemon,
    running: Mapping[str, Allocation],
    used: Mapping[str, Used],
) -> Recommendation:
    """Fit each service's CPUs and memory to what it used, and plan a map with them.

    Nothing in it makes a container anew: a service that sizes its caches when it starts gets no
    less memory, one that learns its threads from variables no other cores.

    + running: what the containers have, without the monitor's caps
    + used: what is known of them
    """
    left_alone = {
        name: why for name in inputs.stack.services if (why := _unknown(name, running, used))
    }
    sizes = {
        name: _sizes(service, running[name], used[name], daemon)
        for name, service in inputs.stack.services.items()
        if name not in left_alone
    }
    fitted = _with(replace(inputs, core_map=None), sizes)
    planned = plan(fitted, chip, daemon).services
    demands = demands_of(fitted)
    said = {
        name: {**of, **_cores(inputs.stack.services[name], demands[name], planned[name])}
        for name, of in sizes.items()
    }
    final = plan(_with(inputs, said), chip, daemon)
    overrides = {
        name: {key: _exact(int(it)) if key in MEMORIES else it for key, it in of.items()}
        for name, of in said.items()
    }
    return Recommendation(overrides, left_alone, final, tuple(_doubts(used, left_alone)))


def _exact(size_bytes: int) -> str:
    return f"{size_bytes // MIB} MiB"


def _unknown(name: str, running: Mapping[str, Allocation], used: Mapping[str, Used]) -> str | None:
    if name not in running:
        return "it has no container"
    if name not in used:
        return "there is no history of it"
    if used[name].minutes < LEAST_MINUTES:
        return f"only {used[name].minutes} minutes are known of it"
    return None


def _sizes(service: Service, has: Allocation, used: Used, daemon: Daemon) -> dict[str, float | str]:
    start = min(has.cpus, START_CPUS)
    cpus = max(used.cpus.p95 * HEADROOM, used.cpus.max * PEAK_HEADROOM, start)
    if used.cpus.max >= has.cpus * SATURATED:
        cpus = max(cpus, has.cpus * HEADROOM)
    elif used.of_limit >= SATURATED:
        # A cap for heat held it back, so that it needs less than the map's is not shown.
        cpus = max(cpus, has.cpus)
    memory = max(used.memory_bytes.max * HEADROOM, service.working_set or 0, LEAST_MEMORY)
    if service.sized_at_start:
        memory = max(memory, has.memory_bytes)
    memory = math.ceil(memory / MEMORY_STEP) * MEMORY_STEP
    # A reservation above the limit would be refused.
    reserved = {"reservation": str(memory)} if (service.reservation or 0) > memory else {}
    steps = math.ceil(cpus / CPU_STEP - 1e-9)
    return {
        "cpus": min(daemon.cpus, round(steps * CPU_STEP, 2)),
        "memory": str(memory),
        **reserved,
    }


def _cores(service: Service, demand: Demand, planned: Allocation) -> dict[str, str]:
    # A new cpuset would recreate who learns its threads from variables.
    told = demand.pinned and service.threads != "environment"
    return {"cpuset": planned.cpuset} if told and planned.cpuset else {}


def _with(inputs: Inputs, said: Mapping[str, Mapping[str, float | str]]) -> Inputs:
    """The inputs as they are once these overrides are in the data."""
    services = {
        name: service.model_copy(update=_fields(said[name])) if name in said else service
        for name, service in inputs.stack.services.items()
    }
    literal = {
        name: inputs.literal.get(name, frozenset()) | frozenset(said.get(name, ()))
        for name in services
    }
    stack = inputs.stack.model_copy(update={"services": services})
    return replace(inputs, stack=stack, literal=literal)


def _fields(of: Mapping[str, float | str]) -> dict[str, float | str | int]:
    return {key: int(it) if key in MEMORIES else it for key, it in of.items()}


def _doubts(used: Mapping[str, Used], left_alone: Mapping[str, str]) -> list[str]:
    known = [it.minutes for name, it in used.items() if name not in left_alone]
    if not known or min(known) >= ENOUGH_MINUTES:
        return []
    return [
        f"this rests on {min(known)} minutes of history; less than {ENOUGH_MINUTES // 60} hours"
        " have not seen what comes once a day: ask again later"
    ]


def gain(before: Mapping[str, Allocation], after: Mapping[str, Allocation], cpus: int) -> list[str]:
    """What a map changes for the host as a whole, a sentence each."""
    loads = [max(core_loads(of, cpus), default=0.0) for of in (before, after)]
    limits = [sum(it.memory_bytes for it in of.values()) for of in (before, after)]
    return [
        f"the busiest core may carry {loads[1]:.4g} CPUs, now {loads[0]:.4g}",
        f"memory limits add to {show_memory(limits[1])}, now {show_memory(limits[0])}",
    ]
