"""Divide services between clusters so that the busiest core carries as little as can be.

Where a core is more than busy in any case, services of a cluster share it until its cores carry
alike. So all that counts is who is in which cluster, and a cluster is one number: what its cores
carry. Finding the very best is as hard as packing bins. This is a local search: services in order
of size each to the least loaded cluster, then moves and exchanges off the busiest cluster while
they help, then the same again from parts of the best division. Chance is seeded, so the same task
gives the same answer. tests/unit/test_optimum.py holds it against an exact solver.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from stack.planner.board import EPSILON, FULL, Task
from stack.planner.clusters import Cores

GOOD_ENOUGH = 1.001
"""Times the bound: nothing is looked for beyond."""
ATTEMPTS = 16
"""How often parts of a division are made anew, at most."""
SHAKEN = 0.35
"""How likely a service is put anew that isn't in the busiest cluster."""

Room = tuple[int, ...]
"""The numbers of the clusters whose cores a service has, all of them."""


@dataclass(frozen=True)
class Division:
    """Who goes where, and what the busiest core carries then."""

    rooms: dict[str, Cores]
    peak: float


class Clusters:
    """Services in clusters, moved one by one; both are numbers here."""

    def __init__(self, levels: Sequence[float], rises: Sequence[dict[Room, float]]) -> None:
        self.levels = list(levels)
        """What each core of a cluster carries."""
        self.rises = rises
        """Service → where it may go → how much more the cores there carry then."""
        self.room: list[Room] = [() for _ in rises]

    def copy(self) -> "Clusters":
        """The same division, to try something on."""
        other = Clusters(self.levels, self.rises)
        other.room = list(self.room)
        return other

    def put(self, service: int, room: Room) -> None:
        """Give a service the cores of some clusters."""
        self.room[service] = room
        rise = self.rises[service][room]
        for cluster in room:
            self.levels[cluster] += rise

    def take(self, service: int) -> Room:
        """Take a service out of its clusters; returns what puts it back."""
        room = self.room[service]
        rise = self.rises[service][room]
        for cluster in room:
            self.levels[cluster] -= rise
        return room

    def insert(self, service: int) -> None:
        """Put a service where the busiest of its cores carries least."""
        levels = self.levels
        options = []
        for room, rise in self.rises[service].items():
            carried = [levels[cluster] for cluster in room]
            options.append((round(max(carried) + rise, 9), sum(carried), room))
        self.put(service, min(options)[2])


def divide(task: Task, attempts: int = ATTEMPTS) -> Division:
    """Divide a task's services between its clusters, until no core is more than busy."""
    names = sorted(task.cpus, key=lambda name: (-task.cpus[name], name))
    best = _first(task, names)
    enough = max(FULL, task.bound * GOOD_ENOUGH)
    _descend(best, enough)
    chance = Random(len(names))  # noqa: S311 - nothing secret: the seed makes it repeatable
    for _ in range(attempts):
        if max(best.levels) <= enough:
            break
        trial = best.copy()
        _shake(trial, chance)
        _descend(trial, enough)
        if max(trial.levels) < max(best.levels) + EPSILON:
            best = trial
    rooms = {
        name: sum((task.clusters[cluster] for cluster in room), ())
        for name, room in zip(names, best.room, strict=True)
    }
    return Division(rooms, max(best.levels))


def _first(task: Task, names: Iterable[str]) -> Clusters:
    """Each service where its cores carry least when its turn comes."""
    number_of = {core: number for number, own in enumerate(task.clusters) for core in own}
    rises = [
        {
            tuple(sorted({number_of[core] for core in room})): task.cpus[name] / len(room)
            for room in task.rooms[task.widths[name]]
        }
        for name in names
    ]
    division = Clusters([max(task.base[core] for core in it) for it in task.clusters], rises)
    for service in range(len(rises)):
        division.insert(service)
    return division


def _shake(division: Clusters, chance: Random) -> None:
    """Put the services of the busiest cluster and a third of the others anew, in any order."""
    busiest = division.levels.index(max(division.levels))
    moved = [
        service
        for service, room in enumerate(division.room)
        if busiest in room or chance.random() < SHAKEN
    ]
    for service in moved:
        division.take(service)
    chance.shuffle(moved)
    for service in moved:
        division.insert(service)


def _descend(division: Clusters, enough: float) -> None:
    """Take load off the busiest cluster, step by step, until it is enough or no step helps."""
    while max(division.levels) > enough + EPSILON:
        moves = _step(division)
        if not moves:
            break
        for service, _ in moves:
            division.take(service)
        for service, room in moves:
            division.put(service, room)


def _step(division: Clusters) -> list[tuple[int, Room]]:
    """The best move or exchange that takes load off the busiest cluster, if any does."""
    levels = division.levels
    busiest = levels.index(max(levels))
    lowest, best = levels[busiest] - EPSILON, []
    for service, room in enumerate(division.room):
        if busiest not in room:
            continue
        division.take(service)
        for other, rise in division.rises[service].items():
            after = max([levels[cluster] for cluster in other]) + rise
            if after < lowest:
                lowest, best = after - EPSILON, [(service, other)]
        if len(room) == 1:
            after, moves = _exchange(division, service, lowest)
            if moves:
                lowest, best = after - EPSILON, moves
        division.put(service, room)
    return best


def _exchange(
    division: Clusters, service: int, lowest: float
) -> tuple[float, list[tuple[int, Room]]]:
    """Put a service, taken out, where a smaller one is, and that one elsewhere."""
    levels, rises = division.levels, division.rises
    best: list[tuple[int, Room]] = []
    for other in range(service + 1, len(rises)):
        room = division.room[other]
        if len(room) > 1 or room not in rises[service]:
            continue
        here = levels[room[0]] - rises[other][room] + rises[service][room]
        if here >= lowest:
            continue
        for there, rise in rises[other].items():
            after = levels[there[0]] + rise
            if after < lowest and there != room:
                lowest = max(here, after)
                best = [(service, room), (other, there)]
    return lowest, best
