"""What the portfolio engine takes and gives."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, FiniteFloat, model_validator

from nautilus.frame.fields import Confidence, Identifier, Positive, Quantity, Symbol
from nautilus.frame.refusal import misfit

MAX_CELLS = 2_000_000

Return = Annotated[FiniteFloat, Field(gt=-1, le=1e3)]
Weight = Annotated[FiniteFloat, Field(ge=-10, le=10)]
History = Annotated[
    dict[Symbol, Annotated[list[Return], Field(min_length=3)]], Field(min_length=1, max_length=500)
]
"""Each instrument's simple returns over the same periods, oldest first."""


class Objective(StrEnum):
    """What the best portfolio is the best in."""

    MEAN_VARIANCE = "mean_variance"
    MINIMUM_VARIANCE = "minimum_variance"
    RISK_PARITY = "risk_parity"
    MINIMUM_CVAR = "minimum_cvar"


class Returns(BaseModel):
    """The history that a portfolio is judged by."""

    returns: History

    @model_validator(mode="after")
    def _even(self) -> Self:
        lengths = {len(column) for column in self.returns.values()}
        if len(lengths) > 1:
            raise misfit("returns", "all returns need as many periods")
        if len(self.returns) * lengths.pop() > MAX_CELLS:
            raise misfit("returns", f"at most {MAX_CELLS} returns")
        return self


class Group(BaseModel):
    """Bounds of several instruments' weights together."""

    symbols: Annotated[list[Symbol], Field(min_length=1)]
    lower: Weight = -10.0
    upper: Weight = 10.0


class OptimizeRequest(Returns):
    """The objective and what the weights must meet; they always add to 1."""

    objective: Objective = Objective.MINIMUM_VARIANCE
    lower: Weight = 0.0
    """Of every weight; below 0 allows short positions."""
    upper: Weight = 1.0
    groups: Annotated[list[Group], Field(max_length=100)] = []
    minimum_return: FiniteFloat | None = None
    """Of one period, in the mean of the history."""
    risk_aversion: Positive = 1.0
    """Of mean-variance: how much of half the variance costs one of return."""
    confidence: Confidence = 0.95
    """Of CVaR."""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        unknown = {s for group in self.groups for s in group.symbols} - self.returns.keys()
        if unknown:
            raise misfit("groups", f"no returns for {', '.join(sorted(unknown))}")
        if self.objective is Objective.RISK_PARITY and (
            self.groups or self.minimum_return is not None or (self.lower, self.upper) != (0, 1)
        ):
            raise misfit("objective", "risk_parity leaves no room for constraints")
        return self


class Optimized(BaseModel):
    """A portfolio's target weights; return and risk are those of one period of the history."""

    portfolio: Identifier
    objective: Objective
    weights: dict[Symbol, float]
    mean_return: float
    volatility: float
    cvar: float
    """A loss, as a fraction."""
    risk_shares: dict[Symbol, float]
    """Each instrument's part of the variance."""
    at: datetime


class OutcomesRequest(Returns):
    """Draw periods of the history again and again, all instruments' together."""

    weights: Annotated[dict[Symbol, Weight], Field(min_length=1)]
    """Kept by rebalancing every period."""
    periods: Annotated[int, Field(ge=1, le=2_000)] = 252
    paths: Annotated[int, Field(ge=100, le=20_000)] = 5_000
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = self.weights.keys() - self.returns.keys()
        if unknown:
            raise misfit("weights", f"no returns for {', '.join(sorted(unknown))}")
        return self


class Outcomes(BaseModel):
    """The drawn total returns."""

    mean: float
    quantiles: dict[str, float]
    probability_of_loss: float
    mean_deepest_drawdown: float


class OpenRequest(BaseModel):
    """What a portfolio begins with."""

    cash: Quantity


class RebalanceRequest(BaseModel):
    """What the portfolio holds now, and what it all costs."""

    holdings: dict[Symbol, FiniteFloat] = {}
    """Quantities; negative ones are short."""
    cash: FiniteFloat = 0.0
    prices: Annotated[dict[Symbol, Positive], Field(min_length=1)]


class Trade(BaseModel):
    """A quantity to buy, or to sell when negative."""

    symbol: Symbol
    quantity: float
    value: float


class Rebalance(BaseModel):
    """The trades that bring a portfolio to its target weights."""

    portfolio: Identifier
    equity: float
    trades: list[Trade]
