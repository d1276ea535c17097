"""Technical indicators as polars expressions, each over one instrument's bars.

Smoothed averages start from a simple mean, as their inventors' do and TA-Lib's:
see the tests, which compare the two.
"""

from collections.abc import Callable

import polars as pl

from nautilus.market.series import Parameters

Definition = Callable[[Parameters], dict[str, pl.Expr]]

CLOSE = pl.col("close")
ROW = pl.int_range(pl.len())


def _smoothed(values: pl.Expr, period: int, alpha: float, first_row: int) -> pl.Expr:
    """An exponential mean that starts at a row with the simple mean of a period."""
    started = (
        pl.when(first_row == ROW)
        .then(values.rolling_mean(period))
        .when(first_row < ROW)
        .then(values)
    )
    return started.ewm_mean(alpha=alpha, adjust=False)


def _ema(values: pl.Expr, period: int, first_row: int) -> pl.Expr:
    return _smoothed(values, period, 2 / (period + 1), first_row)


def _wilder(values: pl.Expr, period: int) -> pl.Expr:
    # A change needs a former bar, so the first full window ends one row later.
    return _smoothed(values, period, 1 / period, period)


def rsi(parameters: Parameters) -> dict[str, pl.Expr]:
    """Relative strength index, 0 to 100; 0 where the price never moved."""
    change = CLOSE.diff()
    gain = _wilder(change.clip(lower_bound=0), parameters.rsi_period)
    loss = _wilder((-change).clip(lower_bound=0), parameters.rsi_period)
    moved = gain + loss
    return {"rsi": pl.when(moved > 0).then(100 * gain / moved).when(moved == 0).then(0.0)}


def macd(parameters: Parameters) -> dict[str, pl.Expr]:
    """Moving average convergence and divergence, its signal and their difference."""
    first = parameters.macd_slow - 1
    line = _ema(CLOSE, parameters.macd_fast, first) - _ema(CLOSE, parameters.macd_slow, first)
    signal = _ema(line, parameters.macd_signal, first + parameters.macd_signal - 1)
    return {"macd": line, "macd_signal": signal, "macd_histogram": line - signal}


def atr(parameters: Parameters) -> dict[str, pl.Expr]:
    """Average true range, in the price's unit."""
    former = CLOSE.shift()
    high = pl.max_horizontal(pl.col("high"), former)
    low = pl.min_horizontal(pl.col("low"), former)
    true_range = pl.when(former.is_not_null()).then(high - low)
    return {"atr": _wilder(true_range, parameters.atr_period)}


def bollinger(parameters: Parameters) -> dict[str, pl.Expr]:
    """Bollinger's bands around the simple mean."""
    middle = CLOSE.rolling_mean(parameters.bollinger_period)
    deviation = CLOSE.rolling_std(parameters.bollinger_period, ddof=0)
    width = parameters.bollinger_deviations * deviation
    return {
        "bollinger_upper": middle + width,
        "bollinger_middle": middle,
        "bollinger_lower": middle - width,
    }


def realized_volatility(parameters: Parameters) -> dict[str, pl.Expr]:
    """Standard deviation of log returns, a year."""
    returns = CLOSE.log().diff()
    deviation = returns.rolling_std(parameters.volatility_period, ddof=1)
    return {"realized_volatility": deviation * parameters.periods_per_year**0.5}


def zscore(parameters: Parameters) -> dict[str, pl.Expr]:
    """The close's distance from its mean, in standard deviations; null where it never moved."""
    mean = CLOSE.rolling_mean(parameters.zscore_period)
    deviation = CLOSE.rolling_std(parameters.zscore_period, ddof=0)
    return {"zscore": pl.when(deviation > 0).then((CLOSE - mean) / deviation)}


DEFINITIONS: dict[str, Definition] = {
    "rsi": rsi,
    "macd": macd,
    "atr": atr,
    "bollinger": bollinger,
    "realized_volatility": realized_volatility,
    "zscore": zscore,
}
