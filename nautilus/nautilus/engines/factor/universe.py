"""Instruments' bars as one table: a row an instrument and bar, all ending at the same time."""

from collections.abc import Mapping
from typing import Annotated, Self

import polars as pl
from pydantic import BaseModel, Field, FiniteFloat, model_validator

from nautilus.frame.fields import Positive, Symbol
from nautilus.market.series import MAX_BARS, Period

# Bounds keep every product and quotient of them finite.
Price = Annotated[FiniteFloat, Field(ge=1e-9, le=1e12)]
Amount = Annotated[FiniteFloat, Field(ge=0, le=1e18)]
PerShare = Annotated[FiniteFloat, Field(ge=-1e12, le=1e12)]

SINGLE = ("shares_outstanding", "book_value_per_share", "earnings_per_share")


class Instrument(BaseModel):
    """An instrument's bars, oldest first, and what its accounts say now."""

    close: Annotated[list[Price], Field(min_length=2, max_length=MAX_BARS)]
    volume: list[Amount] | None = None
    """Traded quantity of each bar."""
    shares_outstanding: Annotated[FiniteFloat, Field(ge=1e-9, le=1e18)] | None = None
    book_value_per_share: PerShare | None = None
    earnings_per_share: PerShare | None = None

    @model_validator(mode="after")
    def _even(self) -> Self:
        if self.volume is not None and len(self.volume) != len(self.close):
            raise ValueError("volume and close need the same length")
        return self

    def has(self, column: str) -> bool:
        """Whether a column is given."""
        return getattr(self, column) is not None


class Windows(BaseModel):
    """How far back the factors look, in bars; the defaults are usual for daily bars."""

    momentum_period: Period = 252
    momentum_skip: Annotated[int, Field(ge=0, le=999)] = 21
    reversal_period: Period = 21
    volatility_period: Period = 63
    liquidity_period: Period = 21
    periods_per_year: Annotated[Positive, Field(le=1e9)] = 252.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.momentum_skip >= self.momentum_period:
            raise ValueError("momentum_skip must be shorter than momentum_period")
        return self

    @property
    def longest(self) -> int:
        """Bars that a factor's value at one bar can depend on."""
        periods = (self.momentum_period, self.reversal_period, self.volatility_period)
        return max(*periods, self.liquidity_period) + 1


class Universe(BaseModel):
    """Instruments whose last bars are of the same time; some may be younger than others."""

    instruments: Annotated[dict[Symbol, Instrument], Field(min_length=2, max_length=2_000)]
    windows: Windows = Windows()
    winsor_quantile: Annotated[FiniteFloat, Field(ge=0, lt=0.5)] = 0.025
    """Values beyond this quantile, at either end, count as the quantile."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if sum(len(one.close) for one in self.instruments.values()) > 20 * MAX_BARS:
            raise ValueError(f"instruments: at most {20 * MAX_BARS} bars")
        return self


def table_of(instruments: Mapping[str, Instrument], bars: int) -> pl.DataFrame:
    """The last bars of all: symbol, age in bars (0 is the last) and an instrument's columns."""
    schema = dict.fromkeys(("close", "volume", *SINGLE), pl.Float64)
    parts = []
    for symbol, one in instruments.items():
        close = one.close[-bars:]
        columns: dict[str, object] = {"close": close, "volume": one.volume and one.volume[-bars:]}
        columns |= {name: [getattr(one, name)] * len(close) for name in SINGLE}
        if one.volume is None:
            columns["volume"] = [None] * len(close)
        part = pl.DataFrame(columns, schema=schema)
        parts.append(
            part.select(
                pl.lit(symbol).alias("symbol"),
                pl.int_range(pl.len() - 1, -1, -1).alias("age"),
                pl.all(),
            )
        )
    return pl.concat(parts)
