"""An instrument's bars as columns, and the features computed of them."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from nautilus.frame.fields import Positive, Price
from nautilus.frame.refusal import misfit

MAX_BARS = 100_000

Period = Annotated[int, Field(ge=2, le=1_000)]
Prices = Annotated[list[Price], Field(min_length=2, max_length=MAX_BARS)]

Columns = dict[str, list[float | None]]
"""A feature's values, one a bar; null until its window is full."""


class Bars(BaseModel):
    """An instrument's bars, oldest first, a list a column."""

    high: Prices
    low: Prices
    close: Prices

    @model_validator(mode="after")
    def _even(self) -> Self:
        for name in ("high", "low"):
            if len(getattr(self, name)) != len(self.close):
                raise misfit(name, "high, low and close need the same length")
        if any(high < low for high, low in zip(self.high, self.low, strict=True)):
            raise misfit("high", "a high is below its low")
        return self


class Parameters(BaseModel):
    """The features' windows, in bars; the defaults are those of their inventors."""

    rsi_period: Period = 14
    macd_fast: Period = 12
    macd_slow: Period = 26
    macd_signal: Period = 9
    atr_period: Period = 14
    bollinger_period: Period = 20
    bollinger_deviations: Positive = 2.0
    volatility_period: Period = 20
    periods_per_year: Positive = 252.0
    zscore_period: Period = 20

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.macd_fast >= self.macd_slow:
            raise misfit("macd_fast", "macd_fast must be shorter than macd_slow")
        return self
