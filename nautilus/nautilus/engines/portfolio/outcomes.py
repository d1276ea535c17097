"""What a portfolio was, could become, and must trade."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from nautilus.engines.portfolio.models import (
    Optimized,
    OptimizeRequest,
    Outcomes,
    OutcomesRequest,
    Rebalance,
    RebalanceRequest,
    Trade,
)
from nautilus.engines.portfolio.optimize import history_of, optimal_weights

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class MissingPriceError(ValueError):
    """A price is missing, or the portfolio is worth nothing."""


def optimize(portfolio: str, request: OptimizeRequest) -> Optimized:
    """The best weights and what they meant over the history; raises NoPortfolioError."""
    history = history_of(request)
    weights = optimal_weights(request, history)
    covariance = np.atleast_2d(np.cov(history, rowvar=False))
    returns = history @ weights
    variance = float(weights @ covariance @ weights)
    shares = weights * (covariance @ weights) / variance if variance > 0 else np.zeros_like(weights)
    losses = np.sort(-returns)[::-1]
    return Optimized(
        portfolio=portfolio,
        objective=request.objective,
        weights=dict(zip(request.returns, weights.tolist(), strict=True)),
        mean_return=float(returns.mean()),
        volatility=max(variance, 0.0) ** 0.5,
        cvar=_tail_mean(losses, 1 - request.confidence),
        risk_shares=dict(zip(request.returns, shares.tolist(), strict=True)),
        at=datetime.now(UTC),
    )


def _tail_mean(losses: NDArray[np.float64], share: float) -> float:
    # The loss on the edge counts by the part of it that is within the tail.
    count = share * len(losses)
    whole = int(count)
    edge = (count - whole) * losses[whole] if whole < len(losses) else 0.0
    return float((losses[:whole].sum() + edge) / count)


def simulate(request: OutcomesRequest) -> Outcomes:
    """Total returns over periods drawn with replacement.

    Raises OverflowError where the returns, drawn so often, are beyond any number.
    """
    weights = np.array([request.weights.get(symbol, 0.0) for symbol in request.returns])
    history = np.array(list(request.returns.values())).T @ weights
    # A leveraged portfolio that loses all stays at nothing.
    growth = np.maximum(1 + history, 0.0)
    generator = np.random.default_rng(request.seed)
    wealth, peak = np.ones(request.paths), np.ones(request.paths)
    deepest = np.zeros(request.paths)
    for _ in range(request.periods):
        wealth *= generator.choice(growth, request.paths)
        np.maximum(peak, wealth, out=peak)
        np.minimum(deepest, wealth / peak - 1, out=deepest)
    if not np.isfinite(wealth.sum()):
        raise OverflowError("drawn so often, they grow beyond any number")
    values = np.quantile(wealth - 1, QUANTILES)
    return Outcomes(
        mean=float(wealth.mean() - 1),
        quantiles=dict(zip(map(str, QUANTILES), values.tolist(), strict=True)),
        probability_of_loss=float((wealth < 1).mean()),
        mean_deepest_drawdown=float(deepest.mean()),
    )


def rebalance(portfolio: str, weights: Mapping[str, float], request: RebalanceRequest) -> Rebalance:
    """The trades to the target weights; raises MissingPriceError."""
    names = sorted({*weights, *request.holdings})
    missing = [name for name in names if name not in request.prices]
    if missing:
        raise MissingPriceError(f"no price for {', '.join(missing)}")
    held = {name: request.holdings.get(name, 0.0) * request.prices[name] for name in names}
    equity = request.cash + sum(held.values())
    if equity <= 0:
        raise MissingPriceError("holdings and cash are worth nothing")
    values = {name: weights.get(name, 0.0) * equity - held[name] for name in names}
    trades = [
        Trade(symbol=name, quantity=value / request.prices[name], value=value)
        for name, value in values.items()
        if abs(value) > 1e-9 * equity
    ]
    return Rebalance(portfolio=portfolio, equity=equity, trades=trades)
