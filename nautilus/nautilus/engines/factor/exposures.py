"""Factors of a universe at each bar, and exposures: their winsorised z-scores across it."""

from collections.abc import Mapping, Sequence

import polars as pl

from nautilus.engines.factor.definitions import DEFINITIONS, FactorName
from nautilus.engines.factor.models import (
    CalculateRequest,
    InstrumentFactors,
    UniverseFactors,
    UniverseRequest,
)
from nautilus.engines.factor.universe import Instrument, Windows, table_of

EXPOSURE = "exposure_"


def factor_table(
    instruments: Mapping[str, Instrument],
    factors: Sequence[FactorName],
    windows: Windows,
    winsor_quantile: float,
    periods: int = 1,
    **more: pl.Expr,
) -> pl.DataFrame:
    """Symbol, age, close, each factor and its exposure, for the last periods.

    `more` are further columns, each an expression over one instrument's bars.
    """
    table = table_of(instruments, windows.longest + periods)
    expressions = {name: DEFINITIONS[name].of(windows) for name in factors} | more
    values = table.select(
        "symbol",
        "age",
        "close",
        *(expression.over("symbol").alias(name) for name, expression in expressions.items()),
    ).filter(pl.col("age") < periods)
    return values.with_columns(
        _exposure(pl.col(name), winsor_quantile).alias(EXPOSURE + name) for name in factors
    )


def _exposure(values: pl.Expr, quantile: float) -> pl.Expr:
    clipped = values.clip(
        values.quantile(quantile, "linear"), values.quantile(1 - quantile, "linear")
    )
    score = (clipped - clipped.mean()) / clipped.std(ddof=0)
    # Where all are alike the deviation is zero, or what rounding left of it.
    return pl.when(clipped.max() > clipped.min()).then(score).over("age")


def universe_factors(request: UniverseRequest) -> UniverseFactors:
    """Every instrument's factors and exposures at the last bar."""
    factors = list(dict.fromkeys(request.factors or DEFINITIONS))
    table = factor_table(request.instruments, factors, request.windows, request.winsor_quantile)
    symbols = table["symbol"].to_list()
    values = table.select(factors).rows()
    exposures = table.select(EXPOSURE + name for name in factors).rows()
    return UniverseFactors(
        factors=factors,
        values={symbol: list(row) for symbol, row in zip(symbols, values, strict=True)},
        exposures={symbol: list(row) for symbol, row in zip(symbols, exposures, strict=True)},
    )


def instrument_factors(symbol: str, request: CalculateRequest) -> InstrumentFactors:
    """One instrument's factors, and its exposures within the universe."""
    factors = list(dict.fromkeys(request.factors or DEFINITIONS))
    everyone = {**request.universe, symbol: request.instrument}
    table = factor_table(everyone, factors, request.windows, request.winsor_quantile)
    row = table.row(by_predicate=pl.col("symbol") == symbol, named=True)
    return InstrumentFactors(
        symbol=symbol,
        values={name: row[name] for name in factors},
        exposures={name: row[EXPOSURE + name] for name in factors},
    )
