"""The factor engine's part in the data flow: closes in, exposures of the whole universe out.

The closes come with the features.
"""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.factor.definitions import FactorName
from nautilus.engines.factor.models import UniverseFactors, UniverseRequest
from nautilus.engines.factor.universe import Instrument, Windows
from nautilus.frame.relay import Source, publish, relay
from nautilus.market.flow import FactorBatch, FeatureBatch, FlowFactor

CLOSES = "nautilus:factor:closes:"
TRADED = "nautilus:factor:traded"
# An instrument that has not traded for so long is no part of the universe.
STALE_S = 60.0

FACTORS = [FactorName(factor) for factor in FlowFactor]
WINDOWS = Windows(momentum_period=60, momentum_skip=5, reversal_period=10, volatility_period=30)

Compute = Callable[[UniverseRequest], Awaitable[UniverseFactors]]


class Closes:
    """Each instrument's last closes, as they stand in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._closes: dict[str, deque[float]] = {}
        self._traded: dict[str, float] = {}

    async def load(self) -> None:
        """Take over what a former worker left."""
        for name, at in (await self._redis.hgetall(TRADED)).items():
            symbol = str(name)
            stored = await cast(
                "Awaitable[list[str]]", self._redis.lrange(f"{CLOSES}{symbol}", 0, -1)
            )
            self._closes[symbol] = deque(map(json.loads, stored), maxlen=WINDOWS.longest)
            self._traded[symbol] = float(at)

    def take(self, at: datetime, closes: dict[str, float], commit: Pipeline) -> None:
        """Add a close for each of these instruments."""
        for symbol, close in closes.items():
            self._closes.setdefault(symbol, deque(maxlen=WINDOWS.longest)).append(close)
            self._traded[symbol] = at.timestamp()
            commit.rpush(f"{CLOSES}{symbol}", close)
            commit.ltrim(f"{CLOSES}{symbol}", -WINDOWS.longest, -1)
            commit.hset(TRADED, symbol, at.timestamp())

    def universe(self, at: datetime) -> dict[str, Instrument]:
        """The instruments that trade."""
        since = at.timestamp() - STALE_S
        # Not validated again: these are closes of bars that marketdata made of valid ticks.
        return {
            symbol: Instrument.model_construct(close=list(self._closes[symbol]))
            for symbol, traded in self._traded.items()
            if traded >= since
        }


async def follow(redis: Redis, compute: Compute) -> None:
    """Answer each batch of features with the universe's exposures; ends only by an error."""
    closes = Closes(redis)
    await closes.load()

    async def handle(_: str, batch: FeatureBatch, commit: Pipeline) -> None:
        closes.take(batch.at, batch.closes, commit)
        request = UniverseRequest.model_construct(
            instruments=closes.universe(batch.at), factors=FACTORS, windows=WINDOWS
        )
        if not request.instruments:
            return
        computed = await compute(request)
        answer = FactorBatch(
            origin=batch.origin,
            at=batch.at,
            interval=batch.interval,
            exposures={
                symbol: dict(zip(map(str, computed.factors), row, strict=True))
                for symbol, row in computed.exposures.items()
            },
        )
        publish(commit, answer)

    await relay(redis, "factor", Source(FeatureBatch, handle))
