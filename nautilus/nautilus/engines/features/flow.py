"""The features engine's part in the data flow: bars in, the features of closed bars out."""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.frame.relay import Source, publish, relay
from nautilus.market.bars import Bar
from nautilus.market.flow import FLOW_INTERVAL, BarBatch, FeatureBatch
from nautilus.market.series import Bars, Columns

OPEN = "nautilus:features:open"
CLOSED = "nautilus:features:closed:"
# Long enough for a smoothed average to have forgotten where its window begins.
WINDOW = 250
FORGET_S = 86_400

Row = tuple[float, float, float]
"""High, low and close."""
Compute = Callable[[Mapping[str, Bars]], Awaitable[dict[str, Columns]]]


class Windows:
    """Each instrument's open bar and the closed ones before it, as they stand in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._open: dict[str, Bar] = {}
        self._closed: dict[str, deque[Row]] = {}

    async def load(self) -> None:
        """Take over the open bars; closed ones follow when their instrument trades."""
        stored = await self._redis.hgetall(OPEN)
        self._open = {str(name): Bar.model_validate_json(text) for name, text in stored.items()}

    async def take(self, bars: list[Bar], commit: Pipeline) -> dict[str, Bars]:
        """Bring the bars up to date; returns the windows of instruments whose bar has closed.

        A bar closes when a later one of its instrument begins; what comes for it after is late
        and changes nothing here.
        """
        closed = {}
        for bar in sorted(bars, key=lambda bar: bar.at):
            former = self._open.get(bar.symbol)
            if former is not None and bar.at > former.at:
                closed[bar.symbol] = await self._close(former, commit)
            # Of the same bar the one that knows more ticks, in whatever order they come.
            if former is None or (bar.at, bar.ticks) >= (former.at, former.ticks):
                self._open[bar.symbol] = bar
                commit.hset(OPEN, bar.symbol, bar.model_dump_json())
        return closed

    async def _close(self, bar: Bar, commit: Pipeline) -> Bars:
        key = f"{CLOSED}{bar.symbol}"
        if bar.symbol not in self._closed:
            stored = await cast("Awaitable[list[str]]", self._redis.lrange(key, -WINDOW, -1))
            self._closed[bar.symbol] = deque(map(json.loads, stored), maxlen=WINDOW)
        rows = self._closed[bar.symbol]
        rows.append((bar.high, bar.low, bar.close))
        commit.rpush(key, json.dumps(rows[-1]))
        commit.ltrim(key, -WINDOW, -1)
        commit.expire(key, FORGET_S)
        high, low, close = (list(column) for column in zip(*rows, strict=True))
        # Not validated again: these are bars that marketdata made of valid ticks.
        return Bars.model_construct(high=high, low=low, close=close)


async def follow(redis: Redis, compute: Compute) -> None:
    """Answer each batch of bars that closes one with features; ends only by an error."""
    windows = Windows(redis)
    await windows.load()

    async def handle(_: str, batch: BarBatch, commit: Pipeline) -> None:
        bars = [bar for bar in batch.bars if bar.interval is FLOW_INTERVAL]
        closed = await windows.take(bars, commit)
        if closed:
            features = await compute(closed)
            answer = FeatureBatch(
                origin=batch.origin,
                at=batch.at,
                interval=FLOW_INTERVAL,
                closes={symbol: window.close[-1] for symbol, window in closed.items()},
                features={
                    symbol: {name: column[-1] for name, column in columns.items()}
                    for symbol, columns in features.items()
                },
            )
            publish(commit, answer)

    await relay(redis, "features", Source(BarBatch, handle))
