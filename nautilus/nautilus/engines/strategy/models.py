"""What a back-test takes and gives."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    Discriminator,
    Field,
    FiniteFloat,
    PrivateAttr,
    Tag,
    model_validator,
)

from nautilus.engines.strategy.rules import Follow, FollowFactor, FollowModel, Rule
from nautilus.frame.fields import NonNegative, Symbol
from nautilus.market.bars import LENGTHS, Interval
from nautilus.market.flow import FlowFactor
from nautilus.market.orders import Side

MAX_BARS = 100_000
MAX_TESTS = 200
MAX_TESTED_BARS = 5_000_000
MAX_PRICE = 1e9
"""nautilus_trader's numbers are fixed-point."""
MAX_SIZE = 1_000_000_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Price = Annotated[float, Field(gt=0, le=MAX_PRICE)]
Prices = Annotated[list[Price], Field(min_length=2, max_length=MAX_BARS)]
Size = Annotated[int, Field(ge=1, le=MAX_SIZE)]
"""Whole units of an instrument."""


class Bars(BaseModel):
    """An instrument's bars, oldest first, a list a column."""

    symbol: Symbol
    interval: Interval
    at: Annotated[list[AwareDatetime], Field(min_length=2, max_length=MAX_BARS)]
    """When each begins."""
    open: Prices
    high: Prices
    low: Prices
    close: Prices
    expected_returns: list[FiniteFloat | None] | None = None
    """What a model expected after each bar, for the rule that follows one."""
    exposures: dict[FlowFactor, list[FiniteFloat | None]] = {}
    """What they were after each bar, for the rules that follow a factor."""
    _begins_us: "array[int]" = PrivateAttr()
    """`at` in microseconds since 1970."""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        followed = [self.expected_returns or self.at, *self.exposures.values()]
        columns = [self.open, self.high, self.low, self.close, *followed]
        if {len(column) for column in columns} != {len(self.at)}:
            raise ValueError("all columns need the same length")
        self._begins_us = array("q", [(at - EPOCH) // MICROSECOND for at in self.at])
        length_us = LENGTHS[self.interval] // MICROSECOND
        if any(b - a < length_us for a, b in pairwise(self._begins_us)):
            raise ValueError("bars must follow each other, at least an interval apart")
        rows = zip(self.open, self.high, self.low, self.close, strict=True)
        if not all(low <= o <= high and low <= c <= high for o, high, low, c in rows):
            raise ValueError("open and close must lie between low and high")
        return self

    def columns(self) -> "Columns":
        """What a back-test reads."""
        return Columns(
            interval=self.interval,
            begins_us=self._begins_us,
            open=array("d", self.open),
            high=array("d", self.high),
            low=array("d", self.low),
            close=array("d", self.close),
            expected_returns=self.expected_returns,
            exposures=self.exposures,
        )


@dataclass(frozen=True)
class Columns:
    """Bars in arrays, which another process is sent as they lie in memory."""

    interval: Interval
    begins_us: "array[int]"
    """In microseconds since 1970."""
    open: "array[float]"
    high: "array[float]"
    low: "array[float]"
    close: "array[float]"
    expected_returns: list[float | None] | None
    exposures: dict[FlowFactor, list[float | None]]


def told(bars: Bars | Columns, rule: Rule) -> Sequence[float | None] | None:
    """What a rule that follows is told after each bar; None where nothing is."""
    match rule:
        case FollowModel():
            return bars.expected_returns
        case FollowFactor():
            return bars.exposures.get(rule.factor)
        case _:
            return None


class StoredBars(BaseModel):
    """The last bars of an instrument that marketdata has stored, within a time."""

    symbol: Symbol
    interval: Interval
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=2, le=MAX_BARS)] = 10_000


class Terms(BaseModel):
    """What a test begins with and pays."""

    cash: Annotated[float, Field(ge=1, le=1e9)] = 100_000.0
    fee_rate: Annotated[float, Field(ge=0, le=0.1)] = 0.0
    """Of an order's value."""
    quantity: Size | None = None
    """Of a position; None for as many as the equity buys when it is opened."""
    points: Annotated[int, Field(ge=2, le=MAX_BARS)] = 1_000
    """Of the equity curve, at most."""


def _source(value: object) -> str:
    given = "close" in value if isinstance(value, dict) else isinstance(value, Bars)
    return "given" if given else "stored"


class BacktestRequest(Terms):
    """Test each rule alone on the same bars: those given here, or those stored."""

    rules: Annotated[list[Rule], Field(min_length=1, max_length=MAX_TESTS)]
    bars: Annotated[
        Annotated[Bars, Tag("given")] | Annotated[StoredBars, Tag("stored")],
        Discriminator(_source),
    ]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for rule in self.rules:
            if isinstance(rule, Follow) and (
                isinstance(self.bars, StoredBars) or told(self.bars, rule) is None
            ):
                raise ValueError(f"{rule.kind} needs bars with {_column(rule)}")
        count = len(self.bars.at) if isinstance(self.bars, Bars) else self.bars.limit
        if count * len(self.rules) > MAX_TESTED_BARS:
            raise ValueError(f"at most {MAX_TESTED_BARS} bars for all rules together")
        return self


def _column(rule: Follow) -> str:
    return f"exposures to {rule.factor}" if isinstance(rule, FollowFactor) else "expected_returns"


class Fill(BaseModel):
    """An order that was filled, at the close that it was decided on."""

    at: datetime
    side: Side
    quantity: float
    price: float
    fee: NonNegative


class EquityPoint(BaseModel):
    """What cash and position are worth at a bar's close, before what is decided on it."""

    at: datetime
    equity: float


class Outcome(BaseModel):
    """How a rule did."""

    rule: Rule
    bars: int
    fills: list[Fill]
    curve: list[EquityPoint]
    """The first and the last bar are always in it."""
    final_equity: float
    total_return: float
    max_drawdown: float
    """The deepest fall of the whole curve from its highest so far, as a fraction."""
    statistics: dict[str, float | None]
    """nautilus_trader's own, under its names."""


class Outcomes(BaseModel):
    """A back-test's result: each rule's outcome, in the order asked for."""

    symbol: Symbol
    interval: Interval
    outcomes: list[Outcome]
