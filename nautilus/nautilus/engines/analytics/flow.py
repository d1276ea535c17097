"""The analytics engine's part in the data flow: positions in, performance out."""

from collections.abc import Awaitable, Callable

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.analytics.curve import Curve, load, period_of, store
from nautilus.engines.analytics.performance import Performance, TrackRecord
from nautilus.frame.relay import Source, publish, relay
from nautilus.market.flow import PerformanceUpdate, Positions

Measure = Callable[[TrackRecord], Awaitable[Performance]]


async def follow(redis: Redis, pool: asyncpg.Pool, measure: Measure) -> None:
    """Answer each portfolio's state with how it has done; ends only by an error."""
    curves: dict[str, Curve] = {}

    async def handle(_: str, state: Positions, commit: Pipeline) -> None:
        at, equity = period_of(state.at), state.equity
        if state.portfolio not in curves:
            curves[state.portfolio] = await load(pool, state.portfolio)
        curve = curves[state.portfolio]
        curve.take(at, equity)
        await store(pool, state.portfolio, curve.last_at, equity)
        record = curve.record()
        figures = None if record is None else await measure(record)
        publish(commit, _update(state, curve, figures))

    await relay(redis, "analytics", Source(Positions, handle))


def _update(state: Positions, curve: Curve, figures: Performance | None) -> PerformanceUpdate:
    return PerformanceUpdate(
        origin=state.origin,
        at=state.at,
        portfolio=state.portfolio,
        equity=curve.equity,
        total_return=curve.total_return,
        drawdown=curve.drawdown,
        deepest_drawdown=curve.deepest_drawdown,
        periods=0 if figures is None else figures.periods,
        annual_volatility=None if figures is None else figures.annual_volatility,
        sharpe=None if figures is None else figures.sharpe,
        sortino=None if figures is None else figures.sortino,
    )
