"""The lock of a stack on a host: who holds it, and what may be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LockState = Literal["held", "dead", "restarted"]
"""held: its owner is connected; dead: the process that held it is gone; restarted: so is all else
that ran then, since the host has been restarted."""


@dataclass(frozen=True)
class LockInfo:
    """A lock as it lies on a host."""

    state: LockState
    name: str = ""
    """Another one for each lock; empty when its owner could not write it down."""
    who: str = ""
    since: str = ""
    purpose: str = ""

    @property
    def told(self) -> str:
        """Who holds it, since when and for what."""
        who, since = self.who or "somebody unknown", self.since or "an unknown time"
        return f"{who}, since {since}, for {self.purpose or 'an unknown purpose'}"


def read_lock(said: Mapping[str, str]) -> LockInfo | None:
    """Read the values that facts/release.sh prints of a lock."""
    state = said.get("lock_state")
    if state not in ("held", "dead", "restarted"):
        return None
    names = ("name", "who", "since", "purpose")
    return LockInfo(state, **{name: said.get(f"lock_{name}", "") for name in names})  # type: ignore[arg-type]


def breakable(lock: LockInfo | None, break_lock: bool) -> str:
    """The name of a lock that may be broken: "-" for one without a name, empty for none.

    Two things are asked of it: that a lock whose owner is gone is broken on request alone, and
    that after a restart of the host the same command goes on without a hand's work. Where only the
    holding process is gone, commands that its owner began may still run: then a person has to say
    so. What is from before a restart has no owner that could be disturbed: it is broken, and told.
    """
    if lock is None or not (lock.state == "restarted" or (lock.state == "dead" and break_lock)):
        return ""
    return lock.name or "-"


def why_broken(lock: LockInfo) -> str:
    """What to tell of a lock that was broken."""
    if lock.state == "restarted":
        why = "the host was restarted since, so nothing of it still runs"
    else:
        why = "its owner is gone, and break_lock=true asked for it"
    return f"broke the lock of {lock.told}: {why}"


def why_locked(lock: LockInfo) -> str:
    """What to tell somebody who meets a lock."""
    if lock.state == "held":
        return (
            f"locked by {lock.told}; nothing was changed: try later,"
            " or wait for it with --data lock_wait_s=60"
        )
    return (
        f"locked by {lock.told}, who is gone without giving it back; nothing was changed: make sure"
        " that nothing of it still runs on this host, then break it with --data break_lock=true"
    )
