"""Services on cores while the planner looks for a better place: what may go where, and moves."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from stack.planner.clusters import Cores

EPSILON = 1e-9
"""Loads that differ by less are the same: they are sums of fractions."""

FULL = 1.0
"""Load of a core that is just busy."""


@dataclass(frozen=True)
class Task:
    """Services to spread over cores."""

    cpus: Mapping[str, float]
    """Service → CPUs, at most as many as there are cores."""
    clusters: tuple[Cores, ...]
    """Cores to spread them over; a service stays within one cluster if it has enough cores."""
    base: Mapping[int, float]
    """Core → load that it carries already."""

    @cached_property
    def widths(self) -> dict[str, int]:
        """Service → how many cores it needs: as many as its CPUs, rounded up."""
        return {name: width_of(cpus) for name, cpus in self.cpus.items()}

    @cached_property
    def rooms(self) -> dict[int, list[Cores]]:
        """Width → where so many cores may lie: one cluster, or as few as hold that many."""
        return {width: self._rooms(width) for width in set(self.widths.values())}

    @cached_property
    def bound(self) -> float:
        """A load that the busiest core can't be below, however many cores services have."""
        total = sum(self.cpus.values()) + sum(self.base.values())
        return max(total / len(self.base), *self.base.values())

    @cached_property
    def tallest(self) -> float:
        """What a core carries at least if services have no more cores than they need."""
        shares = (cpus / self.widths[name] for name, cpus in self.cpus.items())
        return max(shares, default=0) + min(self.base.values(), default=0)

    def _rooms(self, width: int) -> list[Cores]:
        for number in range(1, len(self.clusters) + 1):
            unions = (sum(chosen, ()) for chosen in combinations(self.clusters, number))
            if rooms := [union for union in unions if len(union) >= width]:
                return rooms
        raise ValueError(f"{width} cores are asked for, and there are {len(self.base)}")


class Board:
    """One arrangement of a task's services, changed move by move."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.loads = dict(task.base)
        self.at: dict[str, Cores] = {}
        self.room: dict[str, Cores] = {}
        # Dictionaries, since the order in a set of names differs from run to run.
        self.on: dict[int, dict[str, None]] = {core: {} for core in task.base}

    def copy(self) -> "Board":
        """The same arrangement, to try something on."""
        other = Board(self.task)
        for name, cores in self.at.items():
            other.put(name, cores, self.room[name])
        return other

    @property
    def busiest(self) -> int:
        """The core with the largest load, the first of equals."""
        return max(self.loads, key=self.loads.__getitem__)

    @property
    def peak(self) -> float:
        """The largest load on any core."""
        return max(self.loads.values())

    def put(self, name: str, cores: Cores, room: Cores) -> None:
        """Give a service its cores, over which its load is spread evenly."""
        self.at[name], self.room[name] = cores, room
        share = self.task.cpus[name] / len(cores)
        for core in cores:
            self.loads[core] += share
            self.on[core][name] = None

    def take(self, name: str) -> tuple[Cores, Cores]:
        """Take a service off its cores; returns what puts it back."""
        cores = self.at.pop(name)
        share = self.task.cpus[name] / len(cores)
        for core in cores:
            self.loads[core] -= share
            del self.on[core][name]
        return cores, self.room.pop(name)

    def move(self, name: str, source: int, target: int) -> None:
        """Move a service from one of its cores to another."""
        cores, room = self.take(name)
        self.put(name, tuple(target if core == source else core for core in cores), room)

    def share(self, name: str) -> float:
        """The load that a service puts on each of its cores."""
        return self.task.cpus[name] / len(self.at[name])

    def rooms(self, name: str) -> list[Cores]:
        """Where a service may go."""
        return self.task.rooms[self.task.widths[name]]

    def least_loaded(self, name: str, room: Cores) -> tuple[float, Cores]:
        """The cores of a room that suit a service best, and the load of the busiest of them."""
        loads, task = self.loads, self.task
        # A room's cores are in order, and sorting keeps that of equals.
        cores = sorted(room, key=loads.__getitem__)[: task.widths[name]]
        return loads[cores[-1]] + task.cpus[name] / len(cores), tuple(cores)

    def insert(self, name: str, rooms: Iterable[Cores] | None = None) -> None:
        """Put a service where the busiest of its cores carries least."""
        options = [(*self.least_loaded(name, room), room) for room in rooms or self.rooms(name)]
        _, cores, room = min(
            options, key=lambda it: (round(it[0], 9), sum(self.loads[core] for core in it[1]))
        )
        self.put(name, cores, room)


def arranged(task: Task, order: Iterable[str]) -> Board:
    """A board with all services put on it one after the other."""
    board = Board(task)
    for name in order:
        board.insert(name)
    return board


def width_of(cpus: float) -> int:
    """How many cores a service gets."""
    return max(1, math.ceil(cpus))
