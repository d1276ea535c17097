"""Factor returns: each period's returns regressed on the exposures at its start.

Fama and MacBeth (1973): a regression across the universe each period, then means over them.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nautilus.engines.factor.definitions import DEFINITIONS, FactorName, traded_value
from nautilus.engines.factor.exposures import EXPOSURE, factor_table
from nautilus.engines.factor.models import (
    FactorReturn,
    Regression,
    RegressionRequest,
    Weighting,
)

Array = NDArray[np.float64]

MARKET = "market"
# A column this much shorter than the longest, once the others are taken out, is one of them.
COLLINEAR = 1e-10


class NoRegressionError(ValueError):
    """The universe does not determine the factors' returns."""


@dataclass(frozen=True)
class Fit:
    """One regression; errors are zero where it is exact."""

    coefficients: Array
    errors: Array
    residuals: Array
    r_squared: float | None


@dataclass(frozen=True)
class Panel:
    """Periods by instruments; not a number where something is missing."""

    exposures: Array
    returns: Array
    weights: Array


def regression(request: RegressionRequest) -> Regression:
    """Factor returns over the last periods; raises NoRegressionError."""
    factors = _usable(request)
    panel = _panel(request, factors)
    needed = len(factors) + 1
    fits: list[Fit] = []
    observed = []
    for exposures, returns, weights in zip(
        panel.exposures, panel.returns, panel.weights, strict=True
    ):
        known = np.isfinite(exposures).all(axis=1) & np.isfinite(returns) & (weights > 0)
        # The oldest periods of a short history have too few exposures yet.
        if known.sum() <= needed and not fits:
            continue
        fits.append(fit(exposures[known], returns[known], weights[known]))
        observed.append(known)
    if not fits:
        raise NoRegressionError(
            f"instruments: no period has more than {needed} of them with all factors"
        )
    return _summed(request, [MARKET, *factors], fits, observed)


def fit(exposures: Array, returns: Array, weights: Array) -> Fit:
    """Weighted least squares with an intercept; raises NoRegressionError."""
    if len(returns) <= exposures.shape[1] + 1:
        raise NoRegressionError(
            f"instruments: {len(returns)} have all factors in one of the periods, "
            f"more than {exposures.shape[1] + 1} are needed"
        )
    root = np.sqrt(weights)
    design = np.column_stack([np.ones(len(returns)), exposures]) * root[:, None]
    target = returns * root
    q, r = np.linalg.qr(design)
    pivots = np.abs(np.diag(r))
    if pivots.min() <= COLLINEAR * pivots.max():
        raise NoRegressionError("factors: one is a mixture of the others in a period")
    inverse = np.linalg.inv(r)
    coefficients = inverse @ (q.T @ target)
    residuals = target - design @ coefficients
    unexplained = float(residuals @ residuals)
    scale = unexplained / (len(returns) - design.shape[1])
    centred = returns - np.average(returns, weights=weights)
    total = float(weights @ centred**2)
    return Fit(
        coefficients=coefficients,
        errors=np.sqrt(scale * (inverse**2).sum(axis=1)),
        residuals=residuals / root,
        r_squared=1 - unexplained / total if total > 0 else None,
    )


def _usable(request: RegressionRequest) -> list[FactorName]:
    if request.factors is not None:
        return list(dict.fromkeys(request.factors))
    everyone = request.instruments.values()
    return [
        name
        for name, factor in DEFINITIONS.items()
        if all(one.has(column) for column in factor.needs for one in everyone)
    ]


def _panel(request: RegressionRequest, factors: list[FactorName]) -> Panel:
    table = factor_table(
        request.instruments,
        factors,
        request.windows,
        request.winsor_quantile,
        request.periods + 1,
        # What is earned from this bar to the next.
        earned=pl.col("close").shift(-1) / pl.col("close") - 1,
        traded_value=traded_value(request.windows),
    )
    place = {symbol: i for i, symbol in enumerate(request.instruments)}
    columns = table["symbol"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    rows = request.periods - table["age"].to_numpy()

    def cube(*names: str) -> Array:
        cells = np.full((request.periods + 1, len(place), len(names)), np.nan)
        cells[rows, columns] = table.select(names).to_numpy()
        # The last bar's return is not known yet.
        return cells[:-1]

    exposures = cube(*(EXPOSURE + name for name in factors))
    returns = cube("earned")[:, :, 0]
    by_value = request.weighting is Weighting.TRADED_VALUE
    weights = cube("traded_value")[:, :, 0] if by_value else np.ones_like(returns)
    return Panel(exposures, returns, weights)


def _summed(
    request: RegressionRequest, names: list[str], fits: list[Fit], observed: list[NDArray[np.bool_]]
) -> Regression:
    earned = np.array([one.coefficients for one in fits])
    errors = np.array([one.errors for one in fits])
    t_values = np.divide(earned, errors, out=np.full_like(earned, np.nan), where=errors > 0)
    residuals = np.full((len(fits), len(request.instruments)), np.nan)
    for row, one, known in zip(residuals, fits, observed, strict=True):
        row[known] = one.residuals
    several = len(fits) > 1
    return Regression(
        factors={
            name: _factor_return(earned[:, i], t_values[:, i]) for i, name in enumerate(names)
        },
        r_squared=[one.r_squared for one in fits],
        observations=[int(known.sum()) for known in observed],
        factor_covariance=np.cov(earned, rowvar=False).tolist() if several else None,
        specific_variance={
            symbol: _variance(column)
            for symbol, column in zip(request.instruments, residuals.T, strict=True)
        },
    )


def _factor_return(earned: Array, t_values: Array) -> FactorReturn:
    deviation = float(earned.std(ddof=1)) if len(earned) > 1 else None
    error = deviation / len(earned) ** 0.5 if deviation else None
    return FactorReturn(
        mean=float(earned.mean()),
        deviation=deviation,
        t_value=float(earned.mean()) / error if error else None,
        returns=earned.tolist(),
        t_values=[None if np.isnan(value) else float(value) for value in t_values],
    )


def _variance(residuals: Array) -> float | None:
    known = residuals[np.isfinite(residuals)]
    return float(known.var(ddof=1)) if len(known) > 1 else None
