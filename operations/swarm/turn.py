"""A run's turn on a swarm: the stack's lock on every Mac of it, or on none."""

from collections.abc import Generator
from weakref import WeakKeyDictionary

from gevent.event import AsyncResult
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.api.state import State
from pyinfra.context import ctx_host, state

from facts.swarm import Look
from facts.swarm_plan import SwarmPlan, plan_swarm
from operations import journal, lock
from operations.journal import Work
from operations.refusal import LOST, refused, step
from stack.changes.change import Change, Changes
from stack.errors import DrydockError
from stack.swarm.steps import Step

PURPOSE = "a deploy to the swarm"
_turns: "WeakKeyDictionary[State, Turn]" = WeakKeyDictionary()


class Turn:
    """What a run changes on each Mac of a swarm, and whether its turn has come."""

    def __init__(self, swarm: SwarmPlan) -> None:
        self.swarm = swarm
        self.images: dict[str, Changes] = {}
        """Host → images that it makes."""
        self.begun: AsyncResult[bool] | None = None
        """Whether all locks are held; None: nobody has asked yet."""

    @property
    def changes(self) -> bool:
        """Whether there is anything to do, on any host."""
        return self.swarm.changes or any(self.images.values())

    def changes_on(self, look: Look) -> tuple[Change | Step, ...]:
        """What is done to one host; the swarm's own changes are its manager's."""
        own = (*self.images[look.name].all, *self.swarm.monitors[look.name].changes.all)
        return (*own, *self.swarm.steps) if look is self.swarm.manager else own


def join(host: Host, swarm: SwarmPlan, images: Changes) -> Turn:
    """Tell the run what a host of it is to make, before any host is changed."""
    turn = _turns.setdefault(host.state, Turn(swarm))
    turn.images[host.name] = images
    return turn


def waited_for(swarm: SwarmPlan) -> bool:
    """Wait for others' locks if the data says so; whether it did, and the plan is old.

    None is held meanwhile, so two runs never wait for each other.
    """
    patience_s, has_waited = swarm.settings.lock_wait_s, False
    for look in swarm.looks.values() if swarm.changes and patience_s else ():
        if look.lock and look.lock.state == "held":
            with ctx_host.use(look.host):
                lock.wait_for(look.host, look.lock, look.own_directory, patience_s)
            has_waited = True
    return has_waited


@operation()
def take(turn: Turn) -> Generator[PyinfraCommand, None, None]:
    """Take the stack's lock on all Macs of the swarm, where anything is to change on any.

    + turn: what is to change

    One after the other in the inventory's order, and none waits: where one is held by another, the
    run ends on all of them, and gives back what it has.
    """
    if turn.changes:
        yield step(_take, turn)


def _take(host: Host, turn: Turn) -> bool:
    if turn.begun is None:
        turn.begun = AsyncResult()
        try:
            turn.begun.set(_begin(host, turn))
        except (DrydockError, *LOST) as error:
            turn.begun.set(False)
            return refused(host, f"{error}\nnothing was changed")
        except BaseException:
            turn.begun.set(False)
            raise
    has_begun: bool = turn.begun.get()
    return has_begun or refused(
        host, "nothing was changed: the lock has to be had on every Mac of the swarm"
    )


def _begin(host: Host, turn: Turn) -> bool:
    looks = turn.swarm.looks.values()
    if failed := sorted(it.name for it in state.failed_hosts):
        return refused(host, f"{', '.join(failed)} failed before")
    for look in looks:
        with ctx_host.use(look.host):
            break_lock = look.inputs.settings.break_lock
            held = lock.hold(
                look.host, look.own_directory, PURPOSE, look.lock, break_lock=break_lock
            )
            if not held:
                return False
    if not plan_swarm([it.host for it in looks]).is_where(turn.swarm):
        return refused(host, "the swarm has changed since it was looked at: run it again")
    return all(journal.begin_work(it.host, _work(turn, it), PURPOSE) for it in looks)


def _work(turn: Turn, look: Look) -> Work:
    release = turn.swarm.release
    return Work(
        look.own_directory,
        look.detected.chip.tag,
        release.id,
        former=None,
        why=look.inputs.settings.why,
        changes=turn.changes_on(look),
    )


@operation()
def end(turn: Turn) -> Generator[PyinfraCommand, None, None]:
    """Write into each Mac's journal that all services are healthy.

    + turn: what was changed

    Where a host has failed none is said to be good.
    """
    if turn.changes:
        yield step(_end)


def _end(host: Host) -> bool:
    failed = sorted(it.name for it in state.failed_hosts)
    return journal.end(host, "failed", failed) if failed else journal.end(host, "good")
