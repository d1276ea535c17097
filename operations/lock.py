"""The lock on a host: whoever changes a stack there holds it, and gives it back in any case."""

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path
from secrets import token_hex
from time import monotonic
from weakref import WeakKeyDictionary

import gevent
from gevent.event import Event
from pyinfra.api.command import PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.api.state import BaseStateCallback, State
from pyinfra.context import state

from facts.plan import HostPlan, look_again
from facts.releases import current_release
from link.channel import cut, is_local
from link.dialogue import Dialogue
from operations import journal
from operations.interruption import end_whole, interrupted, say_on_interrupt
from operations.operator import operator
from operations.refusal import refused, step
from stack.changes.lock import LockInfo, breakable, why_broken, why_locked

SCRIPT = Path(__file__).with_name("lock.sh").read_text()
BEAT_S = 5
PATIENCE_S = 20
"""This side gives up earlier than the host, which then may give the lock to another."""
SILENCE_S = 30
"""The host gives a lock back after this to twice this time without a sign of its owner."""
_holding: "WeakKeyDictionary[Host, _Held]" = WeakKeyDictionary()


@operation()
def take(plan: HostPlan, purpose: str) -> Generator[PyinfraCommand, None, None]:
    """Take the stack's lock before the first change; where nothing is to change, don't.

    + plan: what is about to be done
    + purpose: what to tell others that it is held for

    Held by a process on the host that lives as long as the connection, it is given back when the
    run ends, however it ends: by itself, by a failure, by Ctrl-C or kill, by a lost connection.
    """
    if plan.changes:
        yield step(_take, plan, purpose)


def is_held(host: Host) -> bool:
    """Whether this run holds the lock on a host."""
    return host in _holding


def at_end(host: Host, action: Callable[[], object]) -> None:
    """Do something last of all, right before this run gives the lock back; at once without one.

    A run that is interrupted before that does it no more, and one that does it is not interrupted.
    """
    if held := _holding.get(host):
        held.last.append(action)
    else:
        action()


def waited_for(host: Host, plan: HostPlan) -> bool:
    """Wait for another's lock if the data says so; whether it did, and the plan is old.

    A run with nothing to do needs no lock, and waits for none.
    """
    lock, patience_s = plan.current.lock, plan.settings.lock_wait_s
    if not (plan.changes and lock and lock.state == "held" and patience_s):
        return False
    wait_for(host, lock, plan.detected.directory, patience_s)
    return True


def wait_for(host: Host, lock: LockInfo, directory: str, patience_s: int) -> None:
    """Wait until a lock has gone, and no longer than that."""
    host.log(f"waiting up to {patience_s} s for the lock of {lock.told}")
    # There is no event to wait for in a shell; each look is a second after the last.
    path, began = QuoteString(f"{directory}/lock"), monotonic()
    host.run_shell_command(
        StringCommand(
            f"left={patience_s}; while [ $left -gt 0 ] && [ -d",
            path,
            "]; do sleep 1; left=$((left - 1)); done",
        )
    )
    what = f"waiting for the lock of {lock.told}"
    journal.tell(host, "wait", what, "lock", seconds=monotonic() - began)


def _take(host: Host, plan: HostPlan, purpose: str) -> bool:
    directory, break_lock = plan.detected.directory, plan.settings.break_lock
    held = hold(host, directory, purpose, plan.current.lock, break_lock=break_lock)
    if held is None:
        return False
    if look_again(host, plan).is_where(plan):
        if not journal.begin(host, plan, purpose):
            return False
        _holding[host] = held
        return True
    return refused(
        host, "the host has changed since it was looked at; nothing was changed: run it again"
    )


def hold(
    host: Host, directory: str, purpose: str, lock: LockInfo | None, *, break_lock: bool
) -> "_Held | None":
    """The lock of a stack's directory, held until the run leaves the host; None: it can't be.

    + lock: the one that was seen there; the host breaks no other, whatever has happened since
    """
    silence_s = 0 if is_local(host.connector) else SILENCE_S
    dead = breakable(lock, break_lock)
    said = (directory, token_hex(8), operator(), purpose, dead, str(silence_s))
    dialogue = Dialogue(host.connector, ["sh", "-c", SCRIPT, "drydock-lock", *said], PATIENCE_S)
    answer = dialogue.hear()
    if answer != "taken":
        dialogue.close()
        lock = current_release(host, directory).lock
        if answer == "held" and lock:
            refused(host, why_locked(lock))
        else:
            refused(host, f"the lock in {directory} can't be taken: {answer or 'no answer'}")
        return None
    held = _Held(host, dialogue)
    if lock and dead:
        host.log(why_broken(lock))
    return held


class _Held(BaseStateCallback):
    """A lock that is held until pyinfra leaves the host, which it does after failures too."""

    def __init__(self, host: Host, dialogue: Dialogue) -> None:
        self._host, self._dialogue = host, dialogue
        self._over = Event()
        self.last: list[Callable[[], object]] = []
        """What to do before it is given back."""
        self._beats = gevent.spawn(self._beat)
        state.add_callback_handler(self)  # type: ignore[no-untyped-call]
        say_on_interrupt(
            host, "interrupted in the middle of a change: the same command goes on from here"
        )

    def _beat(self) -> None:
        """Tell the host that this side lives, and learn that the host does."""
        try:
            while not self._over.wait(BEAT_S):
                self._dialogue.say("here")
                if self._dialogue.hear() is None:
                    raise ConnectionError("another broke it, or its process there was ended")
        except (OSError, EOFError) as error:
            self._over.set()
            # Another may hold it by now: from here on nothing is changed, nor brought back.
            _holding.pop(self._host, None)
            refused(
                self._host,
                f"the lock is lost, so is the connection: {error}; run the same command again",
            )
            cut(self._host.connector)

    def host_disconnect(self, state: State, host: Host) -> None:  # type: ignore[override]  # noqa: ARG002
        """Give it back, and wait until it is."""
        if host is not self._host:
            return
        lost = self._over.is_set()
        self._over.set()
        self._beats.join()
        if not lost:
            self._do_last()
            journal.end(host, "not verified")
        # A connection that is gone has given it back already.
        with contextlib.suppress(OSError, EOFError):
            self._dialogue.say("end")
            self._dialogue.hear()
        self._dialogue.close()

    def _do_last(self) -> None:
        if self.last and not interrupted.is_set():
            end_whole()
            for action in self.last:
                action()
