"""What the engines tell each other, from bars to performance.

Every message names the instruments it speaks of, its time, and in `origin` the batch of ticks that
began it: the same on every topic, so that one batch can be followed from end to end.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, FiniteFloat

from nautilus.frame import topics
from nautilus.frame.fields import Identifier, Symbol
from nautilus.frame.relay import Message
from nautilus.market.bars import Bar, Interval
from nautilus.market.orders import Excess, Order, Position

FLOW_INTERVAL = Interval.S1
"""The bars that features, factors and predictions are made of, once each is closed."""


PRICE_MODEL = "price"
"""The kind of model that expects returns; its versions' ids are `price-1` and so on."""

POSITIONS_NOW = "nautilus:positions"
"""Each open portfolio's last `Positions`, a hash in Redis."""


class BarBatch(Message):
    """Bars that changed together, as they stand."""

    topic: ClassVar[str] = topics.BARS
    bars: list[Bar]


class FeatureBatch(Message):
    """The features of instruments whose bar has closed; null until a window is full."""

    topic: ClassVar[str] = topics.FEATURES
    interval: Interval
    closes: dict[Symbol, float]
    """Of the bars that closed: a part of the universe, when some instruments trade less often."""
    features: dict[Symbol, dict[str, float | None]]


class FlowFactor(StrEnum):
    """A factor that closes alone tell: volumes and accounts are not in the flow."""

    MOMENTUM = "momentum"
    REVERSAL = "reversal"
    VOLATILITY = "volatility"


class FactorBatch(Message):
    """Each instrument's exposures within its universe."""

    topic: ClassVar[str] = topics.FACTORS
    interval: Interval
    exposures: dict[Symbol, dict[str, float | None]]


class Prediction(BaseModel):
    """What a model expects of an instrument over the next bar."""

    expected_return: FiniteFloat | None = None
    volatility: FiniteFloat | None = None
    """Of the same return."""
    regime: str | None = None


class PredictionBatch(Message):
    """The current models' predictions for instruments whose bar has closed."""

    topic: ClassVar[str] = topics.PREDICTIONS
    interval: Interval
    model: str
    """The ids of all that predicted, one of a kind, joined by commas."""
    predictions: dict[Symbol, Prediction]

    def expected_by(self, model: str) -> bool:
        """Whether its expected returns are this model's: `price-3`, or `price` for any version."""
        return any(
            model in (each, PRICE_MODEL)
            for each in self.model.split(",")
            if each.startswith(f"{PRICE_MODEL}-")
        )


class Signal(Message):
    """A strategy's wish to trade. The same `id` is the same wish, however often it comes."""

    topic: ClassVar[str] = topics.SIGNALS
    id: str
    """Made of the strategy, the instrument and the origin, so that a repetition has it too."""
    strategy: Identifier
    portfolio: Identifier
    order: Order


class AllowedOrder(Signal):
    """A signal that passed the risk check, with all that it said."""

    topic: ClassVar[str] = topics.ORDERS


class Breach(Message):
    """An order that was refused, as it is published and kept."""

    topic: ClassVar[str] = topics.BREACHES
    id: str = ""
    """Its place in the stream."""
    origin: str = ""
    """Empty for an order that a request asked about."""
    signal: str | None = None
    strategy: Identifier | None = None
    portfolio: Identifier
    order: Order
    excesses: list[Excess]
    reason: str | None = None
    """Why it could not be judged, where no limit is exceeded."""


class Positions(Message):
    """A portfolio when it is opened, after an order, or at new prices."""

    topic: ClassVar[str] = topics.POSITIONS
    portfolio: Identifier
    cash: float
    positions: dict[Symbol, Position]
    """Quantities at their last price."""
    equity: float
    filled_to: str = ""
    """The place in ORDERS of the last order that it holds; empty before the first."""
    orders: tuple[str, ...] = ()
    """The orders that this message is the answer to; empty when only prices changed."""


class PerformanceUpdate(Message):
    """How a portfolio has done since it was opened; figures without a value are null."""

    topic: ClassVar[str] = topics.PERFORMANCE
    portfolio: Identifier
    equity: float
    total_return: float | None
    drawdown: float
    """From the highest equity so far, a fraction, 0 or negative."""
    deepest_drawdown: float
    periods: int
    """Returns, one a bar of the flow's interval, that the ratios are of."""
    annual_volatility: float | None
    sharpe: float | None
    sortino: float | None
