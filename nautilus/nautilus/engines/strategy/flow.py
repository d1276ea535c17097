"""The strategy engine's part in the data flow: closes, exposures, predictions in, signals out.

What a strategy holds follows risk's answers, not its own wishes: an order that was refused is not
held, and is not asked for again until the rule has changed its mind.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.strategy.rules import Follow, FollowFactor, FollowModel, bars_needed
from nautilus.engines.strategy.strategies import Strategy, StrategyState, StrategyStore
from nautilus.frame.relay import Message, Source, publish, relay
from nautilus.market.bars import stored_bars
from nautilus.market.flow import (
    FLOW_INTERVAL,
    AllowedOrder,
    Breach,
    FactorBatch,
    FeatureBatch,
    PredictionBatch,
    Signal,
)
from nautilus.market.orders import Order, Side

if TYPE_CHECKING:
    from nautilus.engines.strategy.decide import Decide

HOLDINGS = "nautilus:strategy:holdings"


class Holding(BaseModel):
    """A strategy in one instrument: long (1), out (0) or short (-1)."""

    held: int = 0
    wanted: int = 0
    """By the rule, the last time that it was asked for."""
    asked: str | None = None
    """The signal that risk has not answered yet; there is no other meanwhile."""


class Trading:
    """The running strategies; made anew after an error, from what the stores hold."""

    def __init__(self, redis: Redis, postgres: asyncpg.Pool, count: Callable[[], None]) -> None:
        self._redis = redis
        self._postgres = postgres
        self._count = count
        self._decisions: dict[str, Decide] = {}
        self._closes: dict[str, float] = {}

    async def follow(self) -> None:
        """Answer what the other engines tell with signals; ends only by an error."""
        await relay(
            self._redis,
            "strategy",
            Source(FeatureBatch, self._take_closes),
            Source(FactorBatch, self._take_exposures),
            Source(PredictionBatch, self._take_predictions),
            Source(AllowedOrder, self._take_allowed),
            Source(Breach, self._take_refused),
        )

    async def _take_closes(self, _: str, batch: FeatureBatch, commit: Pipeline) -> None:
        self._closes.update(batch.closes)
        for strategy, symbol in await self._running(batch.closes):
            if not isinstance(strategy.rule, Follow):
                await self._decide(strategy, symbol, None, batch, commit)

    async def _take_predictions(self, _: str, batch: PredictionBatch, commit: Pipeline) -> None:
        for strategy, symbol in await self._running(batch.predictions):
            rule = strategy.rule
            if isinstance(rule, FollowModel) and batch.expected_by(rule.model):
                expected = batch.predictions[symbol].expected_return
                await self._decide(strategy, symbol, expected, batch, commit)

    async def _take_exposures(self, _: str, batch: FactorBatch, commit: Pipeline) -> None:
        for strategy, symbol in await self._running(batch.exposures):
            if isinstance(strategy.rule, FollowFactor):
                exposure = batch.exposures[symbol].get(strategy.rule.factor)
                await self._decide(strategy, symbol, exposure, batch, commit)

    async def _running(self, symbols: Iterable[str]) -> list[tuple[Strategy, str]]:
        strategies = await StrategyStore(self._postgres).all(StrategyState.RUNNING)
        # One that is stopped misses closes: it begins anew when it is started again.
        keys = {_key(it.id, symbol) for it in strategies for symbol in it.symbols}
        self._decisions = {key: it for key, it in self._decisions.items() if key in keys}
        traded = set(symbols)
        return [(it, symbol) for it in strategies for symbol in it.symbols if symbol in traded]

    async def _decide(
        self,
        strategy: Strategy,
        symbol: str,
        told: float | None,
        of: Message,
        commit: Pipeline,
    ) -> None:
        # What is told of a close comes after it: without one it is stale.
        close = self._closes.get(symbol)
        if close is None:
            return
        key = _key(strategy.id, symbol)
        if key not in self._decisions:
            self._decisions[key] = await self._warm(strategy, symbol, of.at)
        stored = await self._redis.hget(HOLDINGS, key)
        holding = Holding() if stored is None else Holding.model_validate_json(stored)
        target = self._decisions[key](close, told, holding.held)
        if target is None or target == holding.wanted or holding.asked:
            return
        holding.wanted = target
        if change := target - holding.held:
            # Not the origin alone: one batch of ticks may close several bars.
            holding.asked = f"{key}:{of.origin}:{of.at.timestamp():.6f}"
            signal = Signal(
                origin=of.origin,
                at=of.at,
                id=holding.asked,
                strategy=strategy.id,
                portfolio=strategy.portfolio,
                order=Order(
                    symbol=symbol,
                    side=Side.BUY if change > 0 else Side.SELL,
                    quantity=abs(change) * strategy.quantity,
                    price=close,
                ),
            )
            publish(commit, signal)
            self._count()
        commit.hset(HOLDINGS, key, holding.model_dump_json())

    async def _warm(self, strategy: Strategy, symbol: str, at: datetime) -> "Decide":
        """The rule's decision after the bars before this one, as they are stored."""
        # nautilus_trader takes memory and a second: an engine without a running strategy has none.
        from nautilus.engines.strategy.decide import decision  # noqa: PLC0415

        decide = decision(strategy.rule)
        if needed := bars_needed(strategy.rule):
            # The bar that just began, and the one that just closed, are not before it.
            end = at.replace(microsecond=0)
            bars = await stored_bars(self._postgres, symbol, FLOW_INTERVAL, None, end, needed + 1)
            for bar in bars[:-1]:
                decide(bar.close, None, 0)
        return decide

    async def _take_allowed(self, _: str, order: AllowedOrder, commit: Pipeline) -> None:
        await self._answered(_key(order.strategy, order.order.symbol), order.id, commit, held=True)

    async def _take_refused(self, _: str, breach: Breach, commit: Pipeline) -> None:
        if breach.strategy is not None and breach.signal is not None:
            key = _key(breach.strategy, breach.order.symbol)
            await self._answered(key, breach.signal, commit, held=False)

    async def _answered(self, key: str, signal: str, commit: Pipeline, *, held: bool) -> None:
        stored = await self._redis.hget(HOLDINGS, key)
        if stored is None:
            return
        holding = Holding.model_validate_json(stored)
        # Another's signal, or one that was answered already.
        if holding.asked != signal:
            return
        holding.asked = None
        if held:
            holding.held = holding.wanted
        commit.hset(HOLDINGS, key, holding.model_dump_json())


def _key(strategy: str, symbol: str) -> str:
    return f"{strategy}/{symbol}"
