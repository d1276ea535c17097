"""Value at risk and expected shortfall of a portfolio, by three methods.

Both are losses, so positive numbers are bad, as fractions of the portfolio's value.
"""

import math
from enum import StrEnum
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, FiniteFloat, model_validator
from scipy.special import ndtri

from nautilus.frame.fields import Confidence
from nautilus.frame.refusal import misfit

MAX_PATHS = 2_000_000
# Draws at a time: bounds the memory to this times the number of assets.
BLOCK_PATHS = 20_000

Array = NDArray[np.float64]


class Method(StrEnum):
    """How the distribution of losses is had."""

    HISTORICAL = "historical"
    PARAMETRIC = "parametric"
    MONTE_CARLO = "monte_carlo"


class VarRequest(BaseModel):
    """Observed returns, a row a period and a column an asset, and the portfolio's weights."""

    returns: Annotated[list[list[FiniteFloat]], Field(min_length=2, max_length=20_000)]
    weights: Annotated[list[FiniteFloat], Field(min_length=1, max_length=500)]
    method: Method = Method.HISTORICAL
    confidence: Confidence = 0.99
    horizon_periods: Annotated[int, Field(ge=1, le=250)] = 1
    degrees_of_freedom: Annotated[FiniteFloat, Field(gt=2, le=1000)] | None = None
    """Of the Student's t that Monte Carlo draws from, scaled to the covariance; normal if unset."""
    paths: Annotated[int, Field(ge=1_000, le=MAX_PATHS)] = 100_000
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(len(row) != len(self.weights) for row in self.returns):
            why = "every row of returns needs as many numbers as there are weights"
            raise misfit("returns", why)
        if len(self.returns) <= self.horizon_periods:
            raise misfit("returns", "returns must cover more periods than the horizon")
        return self


class VarResult(BaseModel):
    """Losses as fractions of the portfolio's value over the horizon."""

    method: Method
    confidence: float
    horizon_periods: int
    value_at_risk: float
    expected_shortfall: float
    scenarios: int


def value_at_risk(request: VarRequest) -> VarResult:
    """Value at risk and expected shortfall over the horizon."""
    returns = np.asarray(request.returns)
    weights = np.asarray(request.weights)
    if request.method is Method.PARAMETRIC:
        var, shortfall = _normal(returns @ weights, request.confidence, request.horizon_periods)
        scenarios = len(returns)
    else:
        losses = _losses(request, returns, weights)
        var, shortfall = _empirical(losses, request.confidence)
        scenarios = len(losses)
    return VarResult(
        method=request.method,
        confidence=request.confidence,
        horizon_periods=request.horizon_periods,
        value_at_risk=var,
        expected_shortfall=shortfall,
        scenarios=scenarios,
    )


def _normal(returns: Array, confidence: float, periods: int) -> tuple[float, float]:
    mean = float(returns.mean()) * periods
    deviation = float(returns.std(ddof=1)) * periods**0.5
    # Not scipy.stats: its import alone takes longer than all else that this engine loads.
    quantile = float(ndtri(confidence))
    density = math.exp(-(quantile**2) / 2) / math.sqrt(2 * math.pi)
    tail = density / (1 - confidence)
    return deviation * quantile - mean, deviation * tail - mean


def _empirical(losses: Array, confidence: float) -> tuple[float, float]:
    var = float(np.quantile(losses, confidence))
    return var, float(losses[losses >= var].mean())


def _losses(request: VarRequest, returns: Array, weights: Array) -> Array:
    if request.method is Method.MONTE_CARLO:
        return _simulated(request, returns, weights)
    # Overlapping windows: the horizon's losses as they were, with no square root of time.
    window = np.ones(request.horizon_periods)
    return -np.convolve(returns @ weights, window, mode="valid")


def _simulated(request: VarRequest, returns: Array, weights: Array) -> Array:
    generator = np.random.default_rng(request.seed)
    mean = returns.mean(axis=0) * request.horizon_periods
    covariance = np.atleast_2d(np.cov(returns, rowvar=False)) * request.horizon_periods
    # Of the symmetric root, unlike Cholesky's, a covariance of less than full rank is no trouble.
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    losses = np.empty(request.paths)
    for start in range(0, request.paths, BLOCK_PATHS):
        count = min(BLOCK_PATHS, request.paths - start)
        shocks = generator.standard_normal((count, len(weights))) @ root.T
        if request.degrees_of_freedom is not None:
            freedom = request.degrees_of_freedom
            mixing = (freedom - 2) / generator.chisquare(freedom, (count, 1))
            shocks *= np.sqrt(mixing)
        losses[start : start + count] = -(shocks + mean) @ weights
    return losses
