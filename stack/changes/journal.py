"""What a run did on a host, event by event: for a program as JSON, for a person as a line."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from stack.changes.change import Change

EventKind = Literal["begun", "change", "wait", "step", "interruption", "ended"]


@dataclass(frozen=True)
class Entry:
    """One event of a run."""

    event: EventKind
    at: str
    """ISO 8601, UTC, by the clock of the machine that deploys."""
    what: str
    """In words: "building risk", or a change's sentence."""
    subject: str | None = None
    outcome: str | None = None
    """built, healthy, good, failed, rolled back, unverified"""
    seconds: float | None = None
    release: str | None = None
    former: str | None = None
    who: str | None = None
    why: str | None = None
    change: Change | None = None

    def as_json(self, run: str) -> str:
        """One line of events.jsonl; what isn't known of an event is left out."""
        said = {key: it for key, it in asdict(self).items() if it is not None}
        if self.seconds is not None:
            said["seconds"] = round(self.seconds, 3)
        return json.dumps({"run": run, **said}, ensure_ascii=False)

    def as_line(self, run: str) -> str:
        """One line of TAG-startup.log."""
        words = [self.what if self.event != "change" else f"  {self.what}"]
        words += [f"by {self.who}"] if self.who else []
        words += [f"for {self.why}"] if self.why else []
        line = ", ".join(words)
        if self.outcome:
            line += f": {self.outcome}"
        if self.seconds is not None:
            line += f" {'in' if self.outcome else 'for'} {self.seconds:.1f} s"
        # A person's words may have several lines; an event has one.
        return f"{self.at} {run} {' '.join(line.splitlines())}"
