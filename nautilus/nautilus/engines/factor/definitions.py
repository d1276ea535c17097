"""The factors, each a polars expression over one instrument's bars."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from nautilus.engines.factor.universe import Windows

CLOSE = pl.col("close")
LOG_PRICE = CLOSE.log()


class FactorName(StrEnum):
    """A factor."""

    MOMENTUM = "momentum"
    REVERSAL = "reversal"
    VOLATILITY = "volatility"
    LIQUIDITY = "liquidity"
    SIZE = "size"
    BOOK_TO_PRICE = "book_to_price"
    EARNINGS_YIELD = "earnings_yield"


@dataclass(frozen=True)
class Factor:
    """What a factor is, what it needs of an instrument, and how it is computed."""

    description: str
    needs: tuple[str, ...]
    of: Callable[[Windows], pl.Expr]


def _momentum(windows: Windows) -> pl.Expr:
    return LOG_PRICE.shift(windows.momentum_skip) - LOG_PRICE.shift(windows.momentum_period)


def _reversal(windows: Windows) -> pl.Expr:
    return LOG_PRICE.shift(windows.reversal_period) - LOG_PRICE


def _volatility(windows: Windows) -> pl.Expr:
    deviation = LOG_PRICE.diff().rolling_std(windows.volatility_period, ddof=1)
    return deviation * math.sqrt(windows.periods_per_year)


def traded_value(windows: Windows) -> pl.Expr:
    """Mean of price times volume over the liquidity window."""
    return (CLOSE * pl.col("volume")).rolling_mean(windows.liquidity_period)


def _liquidity(windows: Windows) -> pl.Expr:
    mean = traded_value(windows)
    return pl.when(mean > 0).then(mean.log())


DEFINITIONS: dict[FactorName, Factor] = {
    FactorName.MOMENTUM: Factor(
        "Log return from momentum_period to momentum_skip bars ago", ("close",), _momentum
    ),
    FactorName.REVERSAL: Factor(
        "Log return over reversal_period bars, turned around", ("close",), _reversal
    ),
    FactorName.VOLATILITY: Factor(
        "Standard deviation of log returns over volatility_period bars, a year",
        ("close",),
        _volatility,
    ),
    FactorName.LIQUIDITY: Factor(
        "Log of the mean traded value over liquidity_period bars", ("close", "volume"), _liquidity
    ),
    FactorName.SIZE: Factor(
        "Log of the market capitalisation",
        ("close", "shares_outstanding"),
        lambda _: (CLOSE * pl.col("shares_outstanding")).log(),
    ),
    FactorName.BOOK_TO_PRICE: Factor(
        "Book value by price",
        ("close", "book_value_per_share"),
        lambda _: pl.col("book_value_per_share") / CLOSE,
    ),
    FactorName.EARNINGS_YIELD: Factor(
        "Earnings by price",
        ("close", "earnings_per_share"),
        lambda _: pl.col("earnings_per_share") / CLOSE,
    ),
}
