"""What the features engine takes and gives."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from nautilus.frame.fields import Positive, Symbol

MAX_BARS = 100_000
MAX_INSTRUMENTS = 2_000

Period = Annotated[int, Field(ge=2, le=1_000)]
Prices = Annotated[list[Positive], Field(min_length=2, max_length=MAX_BARS)]


class Bars(BaseModel):
    """An instrument's bars, oldest first, a list a column."""

    high: Prices
    low: Prices
    close: Prices

    @model_validator(mode="after")
    def _even(self) -> Self:
        if not len(self.high) == len(self.low) == len(self.close):
            raise ValueError("high, low and close need the same length")
        if any(high < low for high, low in zip(self.high, self.low, strict=True)):
            raise ValueError("a high is below its low")
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
            raise ValueError("macd_fast must be shorter than macd_slow")
        return self


class Selection(BaseModel):
    """Which features to compute, and how many of the last bars to answer with."""

    features: list[str] | None = None
    """Names from /features/available; all when left out."""
    parameters: Parameters = Parameters()
    last: Annotated[int, Field(ge=1)] | None = None
    """Answer with so many of the last bars; all when left out."""


class TechnicalRequest(Selection):
    """One instrument's bars."""

    bars: Bars


class BatchRequest(Selection):
    """Many instruments' bars."""

    instruments: Annotated[dict[Symbol, Bars], Field(min_length=1, max_length=MAX_INSTRUMENTS)]

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if sum(len(bars.close) for bars in self.instruments.values()) > 20 * MAX_BARS:
            raise ValueError(f"at most {20 * MAX_BARS} bars in one batch")
        return self


Columns = dict[str, list[float | None]]
"""A feature's values, one a bar; null until its window is full."""


class TechnicalResult(BaseModel):
    """One instrument's features."""

    symbol: Symbol
    features: Columns


class BatchResult(BaseModel):
    """Each instrument's features."""

    instruments: dict[Symbol, Columns]
