"""Give services more cores than they have CPUs, where that takes load off the busiest core.

A service is kept to as few cores as it has CPUs while no core is more than busy: nobody waits,
and neighbours stay apart. Beyond that somebody waits in any case, and least where the wait is
shared: services of a cluster overlap until its cores carry alike.
"""

from dataclasses import replace

from stack.planner.balance import balance, descend
from stack.planner.board import EPSILON, Board, Task

FULL = 1.0
"""Load of a core that is just busy."""
CLOSE = 1.01
"""How near to the best the busiest core has to come, before services stop to be widened."""


def spread(task: Task) -> Board:
    """Arrange a task's services narrowly, and widen them if a core would be more than busy."""
    if task.bound <= FULL:
        narrow = balance(task)
        if narrow.peak <= FULL + EPSILON:
            return narrow
    wide = balance(replace(task, wide=True))
    board = widened(_narrowed(task, wide), max(FULL, wide.peak * CLOSE))
    largest = max(map(len, task.clusters))
    if board.peak > max(FULL, task.bound * CLOSE) and max(task.widths.values()) > largest:
        # A service that spans clusters need not load them alike, as it does where it is wide.
        uneven = balance(task)
        while uneven.peak > FULL and _widen(uneven):
            pass
        return uneven if uneven.peak * CLOSE < board.peak else board
    return board


def widened(board: Board, enough: float) -> Board:
    """Widen services of the busiest core until its load is enough, or all have all they may."""
    while board.peak > enough + EPSILON and (_widen(board) or _fill(board)):
        pass
    return board


def _narrowed(task: Task, wide: Board) -> Board:
    """Services within the rooms that they were given, on as few cores as they have CPUs."""
    board = Board(task)
    for name in sorted(task.cpus, key=lambda name: (-task.cpus[name], name)):
        board.insert(name, [wide.room[name]])
    return descend(board, enough=wide.peak, within=True)


def _widen(board: Board) -> bool:
    """Give one service of the busiest core one more core, if that helps."""
    source = board.busiest
    loads = board.loads
    lowest = loads[source] - EPSILON
    best: tuple[str, int] | None = None
    for name in board.on[source]:
        share, width = board.share(name), len(board.at[name])
        wider = share * width / (width + 1)
        for target in board.room[name]:
            after = max(loads[target] + wider, loads[source] - share + wider)
            if name not in board.on[target] and after < lowest:
                lowest, best = after - EPSILON, (name, target)
    if best is None:
        return False
    name, target = best
    cores, room = board.take(name)
    board.put(name, (*cores, target), room)
    return True


def _fill(board: Board) -> bool:
    """Give all services of the busiest core all cores of their rooms: the loads there are even."""
    filled = False
    for name in list(board.on[board.busiest]):
        cores, room = board.take(name)
        board.put(name, room, room)
        filled = filled or len(cores) < len(room)
    return filled
