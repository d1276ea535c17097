"""Give services more cores than they have CPUs, where that takes load off the busiest core.

A service is kept to as few cores as it has CPUs while no core is more than busy: nobody waits,
and neighbours stay apart. Beyond that somebody waits in any case, and least where the wait is
shared: services of a cluster overlap until its cores carry alike.
"""

from stack.planner.balance import balance, descend
from stack.planner.board import EPSILON, FULL, Board, Task
from stack.planner.divide import Division, divide
from stack.planner.refine import refined

CLOSE = 1.01
"""How near to the best the busiest core has to come, before services stop to be widened."""


def spread(task: Task) -> Board:
    """Arrange a task's services narrowly, and widen them if a core would be more than busy."""
    if task.bound <= FULL:
        narrow = balance(task)
        if narrow.peak <= FULL + EPSILON:
            return narrow
    division = divide(task)
    return refined(widened(_narrowed(task, division), max(FULL, division.peak * CLOSE)))


def widened(board: Board, enough: float) -> Board:
    """Widen services of the busiest core until its load is enough, or all have all they may."""
    while board.peak > enough + EPSILON and (_widen(board) or _fill(board)):
        pass
    return board


def _narrowed(task: Task, division: Division) -> Board:
    """Services within the rooms that they were given, on as few cores as they have CPUs."""
    board = Board(task)
    for name in sorted(task.cpus, key=lambda name: (-task.cpus[name], name)):
        board.insert(name, [division.rooms[name]])
    return descend(board, enough=division.peak, within=True)


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
