"""Find better cores where a service spans clusters that are more than busy.

It need not load the clusters that it spans alike, as it does where it has all their cores. And
steps that help the busiest core end where several cores are as busy. So each service in turn is put
where it is best for all cores, on any number of them, until none moves; then the same again from
parts of the best arrangement.
"""

from itertools import cycle
from random import Random

from stack.planner.balance import orders
from stack.planner.board import EPSILON, FULL, Board, arranged
from stack.planner.clusters import Cores

POWER = 16
"""A sum of such powers of the loads counts the busiest cores most, and the others still."""
EFFORT = 300
"""How many places are looked at for services in turn, in all tries together."""
TRIES = 20
"""How often parts are arranged anew, at most."""
FEW = 10
"""Services, up to which it is tried: more of them even out."""
CLOSE = 1.04
"""Times the bound: nothing is looked for beyond."""


def refined(board: Board) -> Board:
    """The best arrangement that was found from this one, or this one."""
    task = board.task
    enough = max(FULL, task.bound * CLOSE)
    spans = max(task.widths.values()) > max(map(len, task.clusters))
    if not spans or len(task.cpus) > FEW or board.peak <= enough:
        return board
    starts = [board.copy(), *(arranged(task, order) for order in orders(task))]
    best = min(map(_settled, starts), key=lambda start: start.peak)
    chance = Random(len(board.at))  # noqa: S311 - nothing secret: the seed makes it repeatable
    for _ in range(min(EFFORT // sum(len(board.rooms(name)) for name in board.at), TRIES)):
        if best.peak <= enough:
            break
        trial = _settled(_shaken(best, chance))
        if trial.peak < best.peak + EPSILON:
            best = trial
    return best if best.peak < board.peak - EPSILON else board


def _settled(board: Board) -> Board:
    """Put each service where it is best, in turn, until none moves."""
    in_turn, unmoved = cycle(sorted(board.at)), 0
    while unmoved < len(board.at):
        unmoved = 1 if _put_best(board, next(in_turn)) else unmoved + 1
    return board


def _put_best(board: Board, name: str) -> bool:
    """Put a service where it is best for all cores; returns whether it moved."""
    cpus, loads = board.task.cpus[name], board.loads
    former = board.take(name)

    def rise(cores: Cores) -> float:
        share = cpus / len(cores)
        return sum([(loads[core] + share) ** POWER - loads[core] ** POWER for core in cores])

    least, best = rise(former[0]) * (1 - EPSILON), former
    for room in board.rooms(name):
        by_load = sorted(room, key=loads.__getitem__)
        for width in range(board.task.widths[name], len(room) + 1):
            # Its busiest core alone often rules a place out.
            most = loads[by_load[width - 1]]
            if (most + cpus / width) ** POWER - most**POWER < least:
                cores = tuple(by_load[:width])
                if (after := rise(cores)) < least:
                    least, best = after, (cores, room)
    board.put(name, *best)
    return best is not former


def _shaken(board: Board, chance: Random) -> Board:
    """A copy with most services put anew in any order, every other one anywhere."""
    trial = board.copy()
    busiest = board.on[board.busiest]
    names = [n for n in sorted(trial.at) if chance.random() < (0.9 if n in busiest else 0.6)]
    for name in names:
        trial.take(name)
    chance.shuffle(names)
    for name in names:
        if chance.random() < 0.5:
            trial.insert(name)
            continue
        room = chance.choice(trial.rooms(name))
        width = chance.randint(trial.task.widths[name], len(room))
        trial.put(name, tuple(sorted(room, key=trial.loads.__getitem__)[:width]), room)
    return trial
