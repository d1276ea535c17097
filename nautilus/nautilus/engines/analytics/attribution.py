"""Where a portfolio's difference from its benchmark came from, and what it traded for it."""

from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, model_validator

from nautilus.frame.fields import Symbol
from nautilus.frame.refusal import misfit

Bounded = Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)]
Weights = Annotated[list[dict[Symbol, Bounded]], Field(min_length=2, max_length=10_000)]


class Segment(BaseModel):
    """A part of the portfolio and of its benchmark over one period."""

    name: str
    portfolio_weight: Bounded
    portfolio_return: Bounded
    benchmark_weight: Bounded
    benchmark_return: Bounded


class AttributionRequest(BaseModel):
    """All segments of the portfolio and of its benchmark."""

    segments: Annotated[list[Segment], Field(min_length=1, max_length=1_000)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for owner in ("portfolio", "benchmark"):
            total = sum(getattr(segment, f"{owner}_weight") for segment in self.segments)
            if abs(total - 1) > 1e-6:
                raise misfit("segments", f"the {owner}'s weights add to {total:g}, not to 1")
        return self


class Effect(BaseModel):
    """A segment's part in the difference."""

    name: str
    allocation: float
    selection: float
    interaction: float


class Attribution(BaseModel):
    """Brinson, Hood and Beebower's effects, with allocation as Brinson and Fachler's."""

    portfolio_return: float
    benchmark_return: float
    active_return: float
    """The sum of all effects."""
    effects: list[Effect]


def attribute(request: AttributionRequest) -> Attribution:
    """Split the active return into allocation, selection and interaction."""
    portfolio = sum(s.portfolio_weight * s.portfolio_return for s in request.segments)
    benchmark = sum(s.benchmark_weight * s.benchmark_return for s in request.segments)
    effects = [
        Effect(
            name=s.name,
            allocation=(s.portfolio_weight - s.benchmark_weight) * (s.benchmark_return - benchmark),
            selection=s.benchmark_weight * (s.portfolio_return - s.benchmark_return),
            interaction=(s.portfolio_weight - s.benchmark_weight)
            * (s.portfolio_return - s.benchmark_return),
        )
        for s in request.segments
    ]
    return Attribution(
        portfolio_return=portfolio,
        benchmark_return=benchmark,
        active_return=portfolio - benchmark,
        effects=effects,
    )


class TurnoverRequest(BaseModel):
    """The portfolio's weights after each rebalance, oldest first; what is left out has none."""

    weights: Weights


class Turnover(BaseModel):
    """One-way turnover: half of all weight that moved."""

    by_rebalance: list[float]
    mean: float


def turnover(request: TurnoverRequest) -> Turnover:
    """How much of the portfolio was traded at each rebalance but the first."""
    names = sorted({name for weights in request.weights for name in weights})
    table = np.array([[weights.get(name, 0.0) for name in names] for weights in request.weights])
    moved = np.abs(np.diff(table, axis=0)).sum(axis=1) / 2
    return Turnover(by_rebalance=moved.tolist(), mean=float(moved.mean()))
