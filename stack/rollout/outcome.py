"""What became of each host of a rollout, from the report that its own run wrote."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stack.report.model import Report
from stack.rollout.waves import Wave

HEADINGS = ("wave", "host", "release", "seconds", "verdict")


@dataclass(frozen=True)
class Outcome:
    """One host, as it was last measured."""

    host: str
    good: bool
    """Whether it runs what was rolled out, as it was verified in this rollout."""
    verdict: str
    release: str | None = None
    """What it runs; None: this rollout didn't measure it."""
    former: str | None = None
    """What it ran before."""
    seconds: float | None = None
    """From the begin of its wave's run until all had been measured."""

    @property
    def way_back(self) -> str | None:
        """The release to go back to when its wave failed; None: its own didn't change."""
        return self.former if self.good and self.former != self.release else None


def outcome_of(host: str, report: Report | None) -> Outcome:
    """Judge a host by what was measured.

    + report: what the run of its wave has written; None: it wrote none
    """
    if report is None:
        return Outcome(host, False, "failed, and nothing was measured: see above")
    about, verdict = report.about, report.summary
    if report.failed:
        verdict = f"failed: {report.failed}; now {verdict}"
    elif report.problems:
        verdict = f"failed: {report.problems[0]}; {verdict}"
    good = not report.failed and not report.problems
    return Outcome(host, good, verdict, about.release, about.former, about.took_s)


def taken_back(before: Outcome, report: Report | None) -> Outcome:
    """Judge a host that was good and whose wave was rolled back.

    + report: what rollback.py has written; None: it wrote none
    """
    after = outcome_of(before.host, report)
    words = "rolled back with its wave" if after.good else "not rolled back"
    return Outcome(
        before.host,
        False,
        f"{words}: {after.verdict}",
        after.release or before.release,
        before.release,
        before.seconds,
    )


def left_alone(outcome: Outcome) -> Outcome:
    """Judge a host that is good, of a failed wave, and whose release this rollout didn't change."""
    why = "ran this release before" if outcome.former else "this is its first release"
    verdict = f"left as it is, {why}: {outcome.verdict}"
    return Outcome(outcome.host, False, verdict, outcome.release, outcome.former, outcome.seconds)


def summary(waves: Sequence[Wave], outcomes: Iterable[Outcome]) -> list[str]:
    """Lines of a table, a line a host, and a sentence; a host without an outcome wasn't begun."""
    known = {outcome.host: outcome for outcome in outcomes}
    cells = [HEADINGS]
    for wave in waves:
        for host in wave.hosts:
            found = known.get(host) or Outcome(host, False, "not begun")
            seconds = "" if found.seconds is None else f"{found.seconds:.1f}"
            cells.append((wave.name, host, found.release or "", seconds, found.verdict))
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS) - 1)]
    lines = [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]])
        for row in cells
    ]
    good = sum(outcome.good for outcome in known.values())
    return [*lines, f"{good} of {len(cells) - 1} hosts run what was rolled out, verified"]
