"""All features of all instruments in one pass."""

from collections.abc import Mapping, Sequence

import polars as pl

from nautilus.market.indicators import DEFINITIONS
from nautilus.market.series import Bars, Columns, Parameters


class UnknownFeatureError(ValueError):
    """A feature was asked for that is not defined."""


def chosen(names: Sequence[str] | None) -> list[str]:
    """The features asked for; raises UnknownFeatureError for one that is not defined."""
    if names is None:
        return list(DEFINITIONS)
    unknown = sorted(set(names) - set(DEFINITIONS))
    if unknown:
        raise UnknownFeatureError(f"no such feature: {', '.join(unknown)}")
    return list(dict.fromkeys(names))


def compute_features(
    instruments: Mapping[str, Bars],
    names: Sequence[str],
    parameters: Parameters,
    last: int | None = None,
) -> dict[str, Columns]:
    """Each instrument's features, a column each."""
    expressions = {
        column: expression
        for name in names
        for column, expression in DEFINITIONS[name](parameters).items()
    }
    computed = _frame(instruments).select(
        "symbol",
        *(e.over("symbol").fill_nan(None).alias(column) for column, e in expressions.items()),
    )
    parts = computed.partition_by("symbol", as_dict=True, include_key=False)
    return {
        symbol: (part if last is None else part.tail(last)).to_dict(as_series=False)
        for (symbol,), part in parts.items()
    }


def _frame(instruments: Mapping[str, Bars]) -> pl.DataFrame:
    schema = dict.fromkeys(("high", "low", "close"), pl.Float64)
    return pl.concat(
        pl.DataFrame(
            {"high": bars.high, "low": bars.low, "close": bars.close}, schema=schema
        ).with_columns(symbol=pl.lit(symbol))
        for symbol, bars in instruments.items()
    )
