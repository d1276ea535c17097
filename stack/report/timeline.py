"""What each service of a start-up waited for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stack.model import PHASES
from stack.report.measured import Span


@dataclass(frozen=True)
class Wait:
    """One service's start, with what came before it."""

    span: Span
    since_s: float
    """When the whole start-up began."""
    after: str | None
    """The service whose health it waited for last; None: it began with the first."""

    @property
    def waited_s(self) -> float:
        """From the begin of the start-up to its own start."""
        return self.span.begun_s - self.since_s


def waits(
    starts: Sequence[Span], needs: Mapping[str, Sequence[str]], phases: Mapping[str, str]
) -> tuple[Wait, ...]:
    """The starts in their order, each with what it waited for last.

    A service waits for what it needs and for all of the earlier phases; of those, the one that
    became healthy last before it began.
    """
    since_s = min((span.begun_s for span in starts), default=0.0)
    return tuple(
        Wait(span, since_s, _after(span, starts, needs, phases))
        for span in sorted(starts, key=lambda it: (it.begun_s, it.ended_s))
    )


def _after(
    span: Span,
    starts: Sequence[Span],
    needs: Mapping[str, Sequence[str]],
    phases: Mapping[str, str],
) -> str | None:
    own = PHASES.index(phases[span.name]) if span.name in phases else 0
    awaited = [
        other
        for other in starts
        if other.ended_s <= span.begun_s
        and other.name in phases
        and (other.name in needs.get(span.name, ()) or PHASES.index(phases[other.name]) < own)
    ]
    return max(awaited, key=lambda it: it.ended_s).name if awaited else None
