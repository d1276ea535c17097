"""Ticks, the bars that they change, and what feeds them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, FiniteFloat

from nautilus.frame.fields import Price, Symbol

MAX_TICKS = 50_000


class Tick(BaseModel):
    """A trade: the same symbol, time and sequence is the same trade, however often it comes."""

    symbol: Symbol
    at: AwareDatetime
    sequence: Annotated[int, Field(ge=0, lt=2**31)] = 0
    price: Price
    size: Annotated[FiniteFloat, Field(ge=0, le=1e15)]


class TickBatch(BaseModel):
    """Ticks that arrive together, in any order."""

    ticks: Annotated[list[Tick], Field(min_length=1, max_length=MAX_TICKS)]


class Ingested(BaseModel):
    """What became of a batch; a tick that was known already is not stored again."""

    received: int
    stored: int


class SymbolState(BaseModel):
    """An instrument with its last trade."""

    symbol: Symbol
    ticks: int
    last_at: datetime
    last_price: float


class Simulation(BaseModel):
    """A seeded random walk for each symbol: the same request gives the same prices."""

    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=500)]
    seed: Annotated[int, Field(ge=0)] = 0
    ticks_per_second: Annotated[float, Field(gt=0, le=20_000)] = 100.0
    """Of all symbols together."""
    ticks: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    history_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """Begin so long ago, and send all until now as fast as it goes."""
    volatility: Annotated[float, Field(gt=0, le=0.1)] = 0.0005
    """Standard deviation of a tick's log return."""


class FeedState(StrEnum):
    """What a feed is doing."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Feed(BaseModel):
    """A source of ticks."""

    name: str
    state: FeedState
    ticks: int
    updated_at: datetime
    error: str | None = None
