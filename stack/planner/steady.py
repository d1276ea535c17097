"""Arrange services so that a small change of one demand moves few others.

The best arrangement of slightly different demands may be a wholly different one. So services are
arranged by round sizes first, which a small change seldom alters, and that is mended for the real
ones. It is kept unless arranging them from nothing is better by more than a hundredth.
"""

import math

from stack.planner.balance import descend
from stack.planner.board import EPSILON, FULL, Board, Task, width_of
from stack.planner.clusters import Cores
from stack.planner.widen import spread, widened

SIZES = (
    *(0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8),
    *(10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64),
)
"""Round numbers of CPUs, each at the middle of what is taken for it."""
WORTH_MOVING = 1.01


def arrange(task: Task) -> Board:
    """Arrange a task's services, as steadily as the load allows."""
    rough = rounded(task)
    anchor = tidied(spread(rough))
    if rough.cpus == task.cpus:
        return anchor
    best = tidied(spread(task))
    enough = best.peak * WORTH_MOVING if best.peak > FULL else max(best.peak, anchor.peak)
    board = _mended(task, anchor)
    if best.peak > FULL:
        widened(descend(board, enough, within=True), enough)
    else:
        descend(board, enough)
    return board if board.peak <= enough + EPSILON else best


def rounded(task: Task) -> Task:
    """The same services with the nearest round sizes."""
    most = len(task.base)
    cpus = {name: min(nearest(size), most) for name, size in task.cpus.items()}
    return Task(cpus, task.clusters, task.base)


def nearest(cpus: float) -> float:
    """The round size that is nearest by proportion."""
    return min(SIZES, key=lambda size: abs(math.log(size / cpus)))


def tidied(board: Board) -> Board:
    """Number clusters and cores anew, by names and with wide services in a row: no load changes."""
    task = board.task
    to: dict[int, int] = {}
    for source, target in _like_clusters(board):
        to |= dict(zip(source, target, strict=True))
    wide_first = sorted(board.at, key=lambda name: (-task.widths[name], name))
    ranks = {core: tuple(name not in board.on[core] for name in wide_first) for core in to}
    for source, target in _like_clusters(board):
        for load in {task.base[core] for core in target}:
            free = [core for core in target if task.base[core] == load]
            alike = [core for core in source if task.base[core] == load]
            to |= dict(zip(sorted(alike, key=ranks.__getitem__), free, strict=True))
    renumbered = Board(task)
    for name, cores in board.at.items():
        room = tuple(sorted(to[core] for core in board.room[name]))
        renumbered.put(name, tuple(sorted(to[core] for core in cores)), room)
    return renumbered


def _like_clusters(board: Board) -> list[tuple[Cores, Cores]]:
    """Pair clusters with those, of the same size and base, that their content should be in."""
    task = board.task
    kinds: dict[tuple[float, ...], list[Cores]] = {}
    for cluster in task.clusters:
        kinds.setdefault(tuple(task.base[core] for core in cluster), []).append(cluster)
    return [
        (source, target)
        for clusters in kinds.values()
        for source, target in zip(
            sorted(clusters, key=lambda it: _first_names(board, it)), clusters, strict=True
        )
    ]


def _first_names(board: Board, cluster: Cores) -> tuple[bool, list[str], Cores]:
    names = sorted({name for core in cluster for name in board.on[core]})
    return not names, names, cluster


def _mended(task: Task, anchor: Board) -> Board:
    """The anchor's places for the real sizes; with another number of cores, as many as it can."""
    board = Board(task)
    change = {name: task.widths[name] - width_of(anchor.task.cpus[name]) for name in task.cpus}
    for name in sorted(name for name in change if not change[name]):
        board.put(name, anchor.at[name], anchor.room[name])
    for name in sorted((n for n in change if change[n]), key=lambda n: (-task.cpus[n], n)):
        former = anchor.at[name]
        width = len(former) + change[name]
        room = max(board.rooms(name), key=lambda room: len(set(room) & set(former)))
        by_load = sorted(room, key=lambda core: (core not in former, board.loads[core], core))
        board.put(name, tuple(by_load[:width]), room)
    return board
