"""Fit memory and CPUs to a daemon: kept as written where they fit, scaled in proportion if not."""

import math
from collections.abc import Mapping
from fractions import Fraction

from stack.errors import DrydockError
from stack.model import Daemon
from stack.planner.demands import Demand
from stack.quantities import MIB, show_memory

MINIMUM_LIMIT_BYTES = 64 * MIB
MINIMUM_RESERVATION_BYTES = 6 * MIB
"""The Docker Engine refuses less."""
MINIMUM_CPUS = 0.1
RESERVABLE = Fraction(9, 10)
"""What reservations may take of the daemon's memory: the rest is the VM's and page cache's."""


def usable_memory_bytes(daemon: Daemon) -> int:
    """The most that one container may have, so that the VM itself keeps running."""
    return daemon.memory_bytes - max(256 * MIB, daemon.memory_bytes // 20)


def reservable_bytes(daemon: Daemon) -> int:
    """The most that reservations may add to."""
    return math.floor(daemon.memory_bytes * RESERVABLE)


def least_bytes(demand: Demand) -> int:
    """The lowest memory limit that a service is given."""
    return min(demand.memory_bytes, max(MINIMUM_LIMIT_BYTES, demand.working_set_bytes))


def fit_limits(demands: Mapping[str, Demand], daemon: Daemon, overcommit: bool) -> dict[str, int]:
    """Give each service a memory limit in bytes, so that the largest fits the daemon.

    + overcommit: whether they may add to more than the daemon has
    """
    wanted = {name: demand.memory_bytes for name, demand in demands.items()}
    free = {name: size for name, size in wanted.items() if "memory" not in demands[name].literal}
    usable, largest = usable_memory_bytes(daemon), max(free.values(), default=0)
    if not overcommit and sum(wanted.values()) > usable:
        floors = {name: least_bytes(demands[name]) for name in free}
        left = usable - sum(wanted.values()) + sum(free.values())
        return wanted | _share(free, floors, max(left, sum(floors.values())))
    if largest <= usable:
        return wanted
    return wanted | {
        name: max(_whole_mib(size * usable // largest), least_bytes(demands[name]))
        for name, size in free.items()
    }


def fit_reservations(
    demands: Mapping[str, Demand], limits: Mapping[str, int], daemon: Daemon
) -> dict[str, int]:
    """Give each service a reservation in bytes; together they fit the daemon.

    A reservation that nobody said is half of the limit. DrydockError if one that an override says
    can't be obeyed.
    """
    wanted = {name: _reservation(name, demand, limits[name]) for name, demand in demands.items()}
    budget = reservable_bytes(daemon)
    if sum(wanted.values()) <= budget:
        return wanted
    free = {n: size for n, size in wanted.items() if "reservation" not in demands[n].literal}
    obeyed = sum(wanted.values()) - sum(free.values())
    floors = {n: max(MINIMUM_RESERVATION_BYTES, demands[n].working_set_bytes) for n in free}
    least = sum(floors.values())
    if obeyed + least > daemon.memory_bytes:
        raise DrydockError(
            f"reservations: {show_memory(obeyed)} are asked for by overrides and "
            f"{len(free)} more services need {show_memory(least)}: this daemon has "
            f"{show_memory(daemon.memory_bytes)}; lower the overrides or give its VM more"
        )
    return wanted | _share(free, floors, max(budget - obeyed, least))


def fit_cpus(demands: Mapping[str, Demand], daemon: Daemon) -> dict[str, float]:
    """Give each service its CPUs, so that the largest fits the daemon."""
    wanted = {name: demand.cpus for name, demand in demands.items()}
    free = {name: cpus for name, cpus in wanted.items() if "cpus" not in demands[name].literal}
    largest = max(free.values(), default=0)
    if largest <= daemon.cpus:
        return wanted
    return wanted | {
        name: max(_hundredths(cpus * daemon.cpus / largest), min(cpus, MINIMUM_CPUS))
        for name, cpus in free.items()
    }


def _reservation(name: str, demand: Demand, limit_bytes: int) -> int:
    least = max(MINIMUM_RESERVATION_BYTES, demand.working_set_bytes)
    if demand.reservation_bytes is None:
        return max(_whole_mib(limit_bytes // 2), least)
    if "reservation" in demand.literal:
        if demand.reservation_bytes > limit_bytes:
            asked, limit = show_memory(demand.reservation_bytes), show_memory(limit_bytes)
            raise DrydockError(
                f"overrides.{name}.reservation = {asked}: its limit is {limit} on this daemon; "
                "lower it, or override memory too"
            )
        return demand.reservation_bytes
    if limit_bytes >= demand.memory_bytes:
        return min(max(demand.reservation_bytes, least), limit_bytes)
    return max(_whole_mib(demand.reservation_bytes * limit_bytes // demand.memory_bytes), least)


def _share(
    wanted: Mapping[str, int], floors: Mapping[str, int], budget_bytes: int
) -> dict[str, int]:
    """Scale sizes in proportion to a budget; who would fall below its floor gets just that."""
    least: set[str] = set()
    while True:
        others = {name: size for name, size in wanted.items() if name not in least}
        left = budget_bytes - sum(floors[name] for name in least)
        total = sum(others.values())
        shares = {name: _whole_mib(size * left // total) for name, size in others.items()}
        below = {name for name, size in shares.items() if size < floors[name]}
        if not below:
            return shares | {name: floors[name] for name in least}
        least |= below


def _whole_mib(size_bytes: int) -> int:
    return size_bytes // MIB * MIB


def _hundredths(cpus: float) -> float:
    # A product such as 0.29 * 100 lies just below its whole number.
    return math.floor(cpus * 100 + 1e-6) / 100
