"""The rules that strategies trade by.

A rule sees an instrument's closes, oldest first, and says after each what to hold: long (1),
nothing (0) or short (-1). With `short` false it stays out where it would be short.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from nautilus.frame.fields import Identifier, NonNegative, Positive
from nautilus.market.flow import FlowFactor

Period = Annotated[int, Field(ge=2, le=1_000)]


class BuyAndHold(BaseModel):
    """Buy at the first close and stay."""

    kind: Literal["buy_and_hold"]


class EmaCross(BaseModel):
    """Long while the fast exponential mean of closes is at or above the slow one."""

    kind: Literal["ema_cross"]
    fast: Period = 10
    slow: Period = 20
    short: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError("fast must be shorter than slow")
        return self


class RsiReversion(BaseModel):
    """Buy what fell too fast by Wilder's relative strength, until that is at 50 again."""

    kind: Literal["rsi_reversion"]
    period: Period = 14
    oversold: Annotated[float, Field(gt=0, lt=50)] = 30.0
    """Of 100; what it short sells is as far above 50."""
    short: bool = False


class BollingerReversion(BaseModel):
    """Buy what closes below Bollinger's lower band, until it is at the mean of closes again."""

    kind: Literal["bollinger_reversion"]
    period: Period = 20
    deviations: Positive = 2.0
    short: bool = False


class FollowModel(BaseModel):
    """Hold what a model expects to gain, until it expects a loss."""

    kind: Literal["follow_model"]
    model: Identifier
    """A version, such as `price-3`, or `price` for whichever version predicts."""
    threshold: NonNegative = 0.0
    """A return of one bar; what is expected to move less changes nothing."""
    short: bool = False


class FollowFactor(BaseModel):
    """Hold what a factor sets above its universe, until it sets it below."""

    kind: Literal["follow_factor"]
    factor: FlowFactor
    threshold: NonNegative = 1.0
    """Of an exposure, in standard deviations of the universe; one below it changes nothing."""
    short: bool = False


Follow = FollowModel | FollowFactor
"""A rule that decides by what another engine tells of a close."""

Rule = Annotated[
    BuyAndHold | EmaCross | RsiReversion | BollingerReversion | FollowModel | FollowFactor,
    Field(discriminator="kind"),
]
"""One of the rules, told apart by `kind`."""


def bars_needed(rule: Rule) -> int:
    """Closes after which a rule's decisions no longer depend on where they began.

    An exponential mean forgets the first close by a factor of e each half period.
    """
    match rule:
        case EmaCross():
            return 10 * rule.slow
        case RsiReversion():
            # Wilder's mean is an exponential one of nearly twice the period.
            return 20 * rule.period
        case BollingerReversion():
            return rule.period
        case _:
            return 0
