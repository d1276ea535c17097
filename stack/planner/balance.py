"""Spread services over cores so that the busiest core carries as little as can be.

Finding the very best is as hard as packing bins. This is a local search: services in order of size
each to the least loaded cores, then moves and swaps off the busiest core while they help, then the
same again from parts of the best arrangement. Chance is seeded, so the same task gives the same
answer. tests/unit/test_optimum.py holds it against an exact solver.
"""

from random import Random

from stack.planner.board import EPSILON, Board, Task, arranged
from stack.planner.clusters import Cores

GOOD_ENOUGH = 1.001
"""Times the bound: nothing is looked for beyond."""
EFFORT = 200
"""How many services are put anew, in all attempts together."""
ATTEMPTS = (6, 60)
"""How often it starts again: at least, at most."""


def balance(task: Task) -> Board:
    """Arrange a task's services, each on no more cores than it needs."""
    by_size, *others = orders(task)
    enough = max(task.bound, task.tallest) * GOOD_ENOUGH
    best = descend(arranged(task, by_size), enough)
    chance = Random(len(task.cpus))  # noqa: S311 - nothing secret: the seed makes it repeatable
    fewest, most = ATTEMPTS
    for attempt in range(min(max(EFFORT // (len(task.cpus) + 1), fewest), most) - 1):
        if best.peak <= enough:
            break
        if attempt < len(others):
            trial = arranged(task, others[attempt])
        else:
            trial = best.copy()
            _shake(trial, chance)
        descend(trial, enough)
        if trial.peak < best.peak + EPSILON:
            best = trial
    return best


def orders(task: Task) -> list[list[str]]:
    """Orders in which services are put on cores: the large first, the wide, the busy."""
    cpus, widths = task.cpus, task.widths
    return [
        sorted(cpus, key=lambda name: (-cpus[name], name)),
        sorted(cpus, key=lambda name: (-widths[name], -cpus[name], name)),
        sorted(cpus, key=lambda name: (-cpus[name] / widths[name], -widths[name], name)),
    ]


def descend(board: Board, enough: float = 0, within: bool = False) -> Board:
    """Take load off the busiest core, step by step, until it is enough or no step helps.

    + within: whether services stay in their rooms
    """
    enough = max(enough, board.task.bound) + EPSILON
    while board.peak > enough and (_shift(board) or (not within and _relocate(board))):
        pass
    return board


def _shake(board: Board, chance: Random) -> None:
    """Put the services of the busiest core and a third of the others anew, in any order."""
    busiest = board.on[board.busiest]
    names = [name for name in sorted(board.at) if name in busiest or chance.random() < 0.35]
    for name in names:
        board.take(name)
    chance.shuffle(names)
    for name in sorted(names, key=lambda name: -board.task.widths[name]):
        board.insert(name)


def _shift(board: Board) -> bool:
    """Move one service from the busiest core to another, or swap two, if that helps."""
    loads, on = board.loads, board.on
    source = board.busiest
    lowest = loads[source] - EPSILON
    best: tuple[str, str | None, int] | None = None
    for name in on[source]:
        share = board.share(name)
        for target in board.room[name]:
            if name in on[target]:
                continue
            if loads[target] + share < lowest:
                lowest, best = loads[target] + share - EPSILON, (name, None, target)
            for other in on[target]:
                gain = share - board.share(other)
                if gain <= EPSILON or other in on[source] or source not in board.room[other]:
                    continue
                after = max(loads[target] + gain, loads[source] - gain)
                if after < lowest:
                    lowest, best = after - EPSILON, (name, other, target)
    if best is None:
        return False
    moved, swapped, target = best
    board.move(moved, source, target)
    if swapped is not None:
        board.move(swapped, target, source)
    return True


def _relocate(board: Board) -> bool:
    """Put a service of the busiest core into another room, or change places with one there."""
    source = board.busiest
    lowest = board.loads[source] - EPSILON
    best: list[tuple[str, Cores, Cores]] = []
    for name in list(board.on[source]):
        former = board.take(name)
        for room in board.rooms(name):
            after, cores = board.least_loaded(name, room)
            if after < lowest:
                lowest, best = after - EPSILON, [(name, cores, room)]
        for other in list(board.at):
            after, places = _change_places(board, name, other, lowest)
            if after < lowest:
                lowest, best = after - EPSILON, places
        board.put(name, *former)
    for name, _, _ in best:
        board.take(name)
    for name, cores, room in best:
        board.put(name, cores, room)
    return bool(best)


def _change_places(
    board: Board, name: str, other: str, lowest: float
) -> tuple[float, list[tuple[str, Cores, Cores]]]:
    """What it gives to put a service where a smaller one is, and that one anywhere."""
    cpus = board.task.cpus
    if cpus[other] >= cpus[name] - EPSILON:
        return lowest, []
    found: list[tuple[str, Cores, Cores]] = []
    former = board.take(other)
    for room in board.rooms(name):
        if not set(room) & set(former[0]):
            continue
        after, cores = board.least_loaded(name, room)
        if after >= lowest:
            continue
        board.put(name, cores, room)
        for elsewhere in board.rooms(other):
            after_other, others_cores = board.least_loaded(other, elsewhere)
            if max(after, after_other) < lowest:
                lowest = max(after, after_other)
                found = [(name, cores, room), (other, others_cores, elsewhere)]
        board.take(name)
    board.put(other, *former)
    return lowest, found
