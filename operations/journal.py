"""The journal of a run: what was done, and how long each thing took, in two logs on the host.

Events are gathered while the run goes on. They are written when it begins to change the host and
when it ends, so that a run that was cut off has left its beginning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from time import monotonic
from weakref import WeakKeyDictionary

from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.host import Host

from facts.plan import HostPlan
from operations.operator import operator
from operations.refusal import LOST, refused
from stack.changes.change import Change
from stack.changes.journal import Entry, EventKind
from stack.swarm.steps import Step

EVENTS = "events.jsonl"
LOG_BYTES = 4 * 2**20
APPEND = Path(__file__).with_name("append.sh").read_text()


@dataclass(frozen=True)
class Work:
    """What a run is about to do to a host, and where that is written down."""

    directory: str
    """The stack's, on the host."""
    tag: str
    release: str
    former: str | None
    why: str | None
    changes: Sequence[Change | Step]


@dataclass
class _Run:
    work: Work | None = None
    id: str = field(default_factory=lambda: token_hex(4))
    began: float = field(default_factory=monotonic)
    entries: list[Entry] = field(default_factory=list)
    """Those that the host hasn't got yet."""


_runs: "WeakKeyDictionary[Host, _Run]" = WeakKeyDictionary()


def tell(
    host: Host,
    event: EventKind,
    what: str,
    subject: str | None = None,
    *,
    seconds: float,
    outcome: str | None = None,
) -> None:
    """Take an event up; a run that changes nothing never writes it."""
    entry = Entry(event, _now(), what, subject, outcome, seconds)
    _runs.setdefault(host, _Run()).entries.append(entry)


def begin(host: Host, plan: HostPlan, purpose: str) -> bool:
    """Write down who is about to do what, before anything is done."""
    release, directory = plan.release, plan.detected.directory
    why, changes = plan.settings.why, plan.changes.all
    work = Work(directory, release.tag, release.id, plan.current.id, why, changes)
    return begin_work(host, work, purpose)


def begin_work(host: Host, work: Work, purpose: str) -> bool:
    """The same for work that isn't planned for one host."""
    run = _runs.setdefault(host, _Run())
    run.work, run.began = work, monotonic()
    begun = Entry(
        "begun", _now(), purpose, release=work.release, former=work.former,
        who=operator(), why=work.why,
    )  # fmt: skip
    changes = [
        Entry(
            "change", begun.at, it.sentence, subject=it.subject,
            change=it if isinstance(it, Change) else None,
        )
        for it in work.changes
    ]  # fmt: skip
    run.entries[:0] = [begun, *changes]
    return _write(host, run) or refused(host, "the journal can't be written: nothing was changed")


def end(host: Host, outcome: str, verdict: Iterable[str] = ()) -> bool:
    """Write down how it went; once a run, whoever says it first."""
    run = _runs.get(host)
    if run is None or run.work is None:
        return True
    what = "; ".join((f"end of release {run.work.release}", *verdict))
    tell(host, "ended", what, outcome=outcome, seconds=monotonic() - run.began)
    del _runs[host]
    try:
        return _write(host, run) or refused(host, "the journal can't be written")
    except LOST as error:
        return refused(host, f"the journal lacks the end, the host was lost: {error}")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(host: Host, run: _Run) -> bool:
    if run.work is None:
        return True
    logs = {
        EVENTS: [it.as_json(run.id) for it in run.entries],
        f"{run.work.tag}-startup.log": [it.as_line(run.id) for it in run.entries],
    }
    for name, lines in logs.items():
        words = (f"{run.work.directory}/logs/{name}", str(LOG_BYTES))
        command = StringCommand(
            "sh -c", *(QuoteString(it) for it in (APPEND, "drydock-append", *words))
        )
        if not host.run_shell_command(command, _stdin=lines)[0]:
            return False
    run.entries.clear()
    return True
