"""What a deploy would do: the differences between a release and what a host runs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from stack.changes.heat import Cap
from stack.changes.lock import LockInfo
from stack.release.launchd import FoundMonitor

Action = Literal[
    "write", "pull", "build", "tag", "create", "recreate", "update", "start", "restart", "remove",
    "switch", "rotate", "retire", "save", "clear", "load", "install", "uninstall",
    "set aside", "adopt", "bring back", "record", "resize", "clean",
]  # fmt: skip
DONE_BY: dict[Action, str] = {
    "write": "written",
    "pull": "pull",
    "build": "build",
    "tag": "tag",
    "create": "create",
    "recreate": "recreate",
    "update": "applied live",
    "start": "start",
    "restart": "restart",
    "retire": "retire",
    "remove": "remove",
    "switch": "switched back",
    "rotate": "changed while all runs",
    "save": "saved while all runs",
    "clear": "removed with its data",
    "load": "brought back",
    "install": "installed",
    "uninstall": "removed",
    "set aside": "set aside",
    "adopt": "taken over",
    "bring back": "brought back as it was",
    "record": "verified and recorded",
    "resize": "resized",
    "clean": "cleaned",
}


@dataclass(frozen=True)
class Change:
    """One difference: where, in which field, from what to what, why, and what will be done."""

    action: Action
    subject: str
    """A service, a shared image, an upstream image, a network, "release", "monitor" or "VM"."""
    field: str
    old: str | None = None
    new: str | None = None
    reason: str | None = None
    also: Action | None = None
    """What follows from it: a rebuilt image means a new container."""

    @property
    def sentence(self) -> str:
        """The change in words: "risk: memory 2 GiB → 3 GiB, applied live"."""
        words = f"{self.subject}: {self.field}"
        if self.old is not None or self.new is not None:
            words += f" {self.old or 'none'} → {self.new or 'none'}"
        if self.reason:
            words += f", {self.reason}"
        done = ", ".join(DONE_BY[action] for action in (self.action, self.also) if action)
        again = "re" if (self.action, self.also) == ("build", "recreate") else ""
        return f"{words}{', ' if self.action == 'update' else ': '}{again}{done}"

    def as_json(self, host: str) -> dict[str, str | None]:
        """The change for a program, with the host that it is for."""
        return {"host": host, **asdict(self), "sentence": self.sentence}


@dataclass(frozen=True)
class CurrentRelease:
    """What a host has on disk of its current release."""

    id: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    """Path → SHA-256 as its manifest says."""
    found: Mapping[str, str] = field(default_factory=dict)
    """Path → SHA-256 as it is on disk."""
    manifest: Mapping[str, Any] = field(default_factory=dict)
    record: str = ""
    """The text of its record: how it came to the host, and how it went."""
    bill: bool = False
    """Whether its bill of materials is there."""
    secrets: tuple[str, ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    """Secret that was given by the data → SHA-256 of its value."""
    directories: tuple[str, ...] = ()
    """Names of the directories beside it."""
    adopted: Mapping[str, str] = field(default_factory=dict)
    """Volume → the existing one that was taken over for it; compose's project by the name ""."""
    lock: LockInfo | None = None
    caps: Mapping[str, Cap] = field(default_factory=dict)
    """Service → what the monitor took from it at heavy thermal pressure."""
    monitor: FoundMonitor = field(default_factory=FoundMonitor)


@dataclass(frozen=True)
class Changes:
    """All changes for one host, in the order in which they are made."""

    all: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.all)

    def subjects(self, *actions: Action) -> tuple[str, ...]:
        """Subjects with one of these actions, each once, in order."""
        wanted = (c.subject for c in self.all if c.action in actions or c.also in actions)
        return tuple(dict.fromkeys(wanted))

    def of(self, *actions: Action) -> tuple[Change, ...]:
        """The changes that one of these actions makes."""
        return tuple(c for c in self.all if c.action in actions or c.also in actions)
