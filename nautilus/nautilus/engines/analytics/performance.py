"""What a track record says: return, risk, drawdown, tails, and beside a benchmark.

Figures that have no value, such as Sharpe's without any risk, are null.
"""

import math
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, FiniteFloat, model_validator

from nautilus.frame.fields import Confidence
from nautilus.frame.refusal import misfit

Array = NDArray[np.float64]
Return = Annotated[FiniteFloat, Field(gt=-1, le=1e6)]
Returns = Annotated[list[Return], Field(min_length=2, max_length=200_000)]

# Below this a deviation is rounding and no risk.
SMALLEST_DEVIATION = 1e-14


class TrackRecord(BaseModel):
    """Simple returns, a number a period, oldest first."""

    returns: Returns
    benchmark: Returns | None = None
    """The benchmark's returns over the same periods."""
    risk_free: Return = 0.0
    """Of one period."""
    periods_per_year: Annotated[FiniteFloat, Field(gt=0, le=1e9)] = 252.0
    confidence: Confidence = 0.95

    @model_validator(mode="after")
    def _even(self) -> Self:
        if self.benchmark is not None and len(self.benchmark) != len(self.returns):
            raise misfit("benchmark", "benchmark needs as many periods as returns")
        return self


class Drawdown(BaseModel):
    """The deepest fall from a peak; places are indices into the returns."""

    depth: float
    """A fraction, 0 or negative."""
    peak: int
    """The last period before the fall; -1 when it falls from the start."""
    valley: int
    recovery: int | None
    """The first period back at the peak's height; null when it never was."""


class AgainstBenchmark(BaseModel):
    """How the track record moves with its benchmark."""

    alpha: float | None
    """Jensen's, a year, compounded."""
    beta: float | None
    correlation: float | None
    tracking_error: float
    information_ratio: float | None


class Performance(BaseModel):
    """A track record's figures; those of a year where not said otherwise."""

    periods: int
    total_return: float | None
    annual_return: float | None
    annual_volatility: float
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    drawdown: Drawdown
    skewness: float | None
    excess_kurtosis: float | None
    tail_ratio: float | None
    """The 95th percentile over the 5th, by size."""
    value_at_risk: float
    """Of one period, a loss, as a fraction."""
    expected_shortfall: float
    positive_periods: float
    """The share of periods above zero."""
    benchmark: AgainstBenchmark | None


def measure(record: TrackRecord) -> Performance:
    """All figures of a track record."""
    returns = np.asarray(record.returns)
    excess = returns - record.risk_free
    year = record.periods_per_year
    growth = float(np.log1p(returns).sum())
    annual = _compounded(growth * year / len(returns))
    drawdown = deepest_drawdown(returns)
    downside = math.sqrt(float(np.square(np.minimum(excess, 0)).mean()))
    var = -float(np.quantile(returns, 1 - record.confidence))
    upper, lower = np.quantile(returns, [0.95, 0.05])
    skewness, kurtosis = _shape(returns)
    return Performance(
        periods=len(returns),
        total_return=_compounded(growth),
        annual_return=annual,
        annual_volatility=float(returns.std(ddof=1)) * math.sqrt(year),
        sharpe=_ratio(float(excess.mean()) * math.sqrt(year), float(excess.std(ddof=1))),
        sortino=_ratio(float(excess.mean()) * math.sqrt(year), downside),
        calmar=None if annual is None else _ratio(annual, -drawdown.depth),
        drawdown=drawdown,
        skewness=skewness,
        excess_kurtosis=kurtosis,
        tail_ratio=_ratio(abs(float(upper)), abs(float(lower))),
        value_at_risk=var,
        expected_shortfall=-float(returns[returns <= -var].mean()),
        positive_periods=float((returns > 0).mean()),
        benchmark=None if record.benchmark is None else against(record, returns),
    )


def deepest_drawdown(returns: Array) -> Drawdown:
    """The deepest fall from a peak, the first of several as deep."""
    # In logarithms, which neither overflow nor reach zero.
    wealth = np.concatenate(([0.0], np.cumsum(np.log1p(returns))))
    falls = wealth - np.maximum.accumulate(wealth)
    valley = int(falls.argmin())
    peak = int(wealth[: valley + 1].argmax())
    back = np.flatnonzero(wealth[valley:] >= wealth[peak])
    recovery = int(back[0]) + valley - 1 if len(back) else None
    # The first point is before the first period.
    depth = math.expm1(float(falls[valley]))
    return Drawdown(depth=depth, peak=peak - 1, valley=valley - 1, recovery=recovery)


def against(record: TrackRecord, returns: Array) -> AgainstBenchmark:
    """Figures beside the benchmark."""
    benchmark = np.asarray(record.benchmark)
    year = record.periods_per_year
    covariance = np.cov(returns, benchmark)
    beta = _ratio(float(covariance[0, 1]), float(covariance[1, 1]))
    alpha = None
    if beta is not None:
        excess = returns - record.risk_free - beta * (benchmark - record.risk_free)
        mean = float(excess.mean())
        alpha = _compounded(math.log1p(mean) * year) if mean > -1 else None
    active = returns - benchmark
    deviation = float(active.std(ddof=1))
    spread = math.sqrt(float(covariance[0, 0] * covariance[1, 1]))
    return AgainstBenchmark(
        alpha=alpha,
        beta=beta,
        correlation=_ratio(float(covariance[0, 1]), spread),
        tracking_error=deviation * math.sqrt(year),
        information_ratio=_ratio(float(active.mean()) * math.sqrt(year), deviation),
    )


def _shape(returns: Array) -> tuple[float | None, float | None]:
    deviations = returns - returns.mean()
    variance = float(np.square(deviations).mean())
    if variance < SMALLEST_DEVIATION**2:
        return None, None
    third, fourth = (float((deviations**power).mean()) for power in (3, 4))
    return third / variance**1.5, fourth / variance**2 - 3


def _compounded(growth: float) -> float | None:
    try:
        return math.expm1(growth)
    except OverflowError:
        return None


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > SMALLEST_DEVIATION**2 else None
