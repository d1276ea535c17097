"""The efficient frontier: for each return that can be had, the least volatile portfolio."""

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from nautilus.engines.portfolio.models import Objective, OptimizeRequest, Returns, Weight
from nautilus.engines.portfolio.optimize import optimal_weights
from nautilus.frame.fields import Symbol
from nautilus.frame.refusal import misfit

Array = NDArray[np.float64]


class FrontierRequest(Returns):
    """The history, the bounds of every weight, and in how many points the frontier is drawn."""

    lower: Weight = 0.0
    upper: Weight = 1.0
    points: Annotated[int, Field(ge=2, le=100)] = 25

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        count = len(self.returns)
        if not self.lower * count <= 1 <= self.upper * count or self.lower > self.upper:
            narrow = "lower" if self.lower * count > 1 else "upper"
            raise misfit(narrow, f"weights of {count} between lower and upper cannot add to 1")
        return self


class FrontierPoint(BaseModel):
    """A portfolio on the frontier; return and risk are those of one period of the history."""

    mean_return: float
    volatility: float
    weights: dict[Symbol, float]


class Instrument(BaseModel):
    """An instrument by itself, for comparison."""

    symbol: Symbol
    mean_return: float
    volatility: float


class Frontier(BaseModel):
    """From the least volatile portfolio to the one with the highest return."""

    points: list[FrontierPoint]
    instruments: list[Instrument]
    periods: int


def efficient_frontier(request: FrontierRequest) -> Frontier:
    """Points at even steps of return; raises NoPortfolioError where the solver finds none."""
    history = np.array(list(request.returns.values())).T
    mean, deviation = history.mean(axis=0), history.std(axis=0, ddof=1)
    calmest = _least_volatile(request, history, None)
    highest = _highest_return(request, mean)
    floors = np.linspace(calmest @ mean, highest @ mean, request.points)[1:-1]
    # The last is known without a solver, which would have to hit a single point.
    between = [_least_volatile(request, history, float(floor)) for floor in floors]
    return Frontier(
        points=[_point(request, history, weights) for weights in (calmest, *between, highest)],
        instruments=[
            Instrument(symbol=symbol, mean_return=float(mean[i]), volatility=float(deviation[i]))
            for i, symbol in enumerate(request.returns)
        ],
        periods=len(history),
    )


def _least_volatile(request: FrontierRequest, history: Array, floor: float | None) -> Array:
    question = OptimizeRequest(
        returns=request.returns,
        objective=Objective.MINIMUM_VARIANCE,
        lower=request.lower,
        upper=request.upper,
        minimum_return=floor,
    )
    return optimal_weights(question, history)


def _highest_return(request: FrontierRequest, mean: Array) -> Array:
    """As much as may be of the best instrument, then of the next."""
    weights = np.full(len(mean), request.lower)
    left = 1 - weights.sum()
    for i in np.argsort(-mean):
        part = min(left, request.upper - request.lower)
        weights[i] += part
        left -= part
    return weights


def _point(request: FrontierRequest, history: Array, weights: Array) -> FrontierPoint:
    returns = history @ weights
    return FrontierPoint(
        mean_return=float(returns.mean()),
        volatility=float(returns.std(ddof=1)),
        weights=dict(zip(request.returns, weights.tolist(), strict=True)),
    )
