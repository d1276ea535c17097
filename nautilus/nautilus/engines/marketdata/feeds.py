"""Where ticks come from besides requests: a seeded simulator and a Parquet replay."""

import asyncio
import io
import math
import random
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import polars as pl
from redis.asyncio import Redis

from nautilus.engines.marketdata.models import Feed, FeedState, Simulation, Tick, TickBatch

FEEDS = "nautilus:marketdata:feeds"
BATCHES_PER_SECOND = 10
REPLAY_BATCH = 10_000
FIRST_PRICE = 100.0
# A running feed that has not been heard of for so long has lost its worker.
LOST_AFTER = timedelta(seconds=10)


def walk(simulation: Simulation, start: datetime) -> Iterator[Tick]:
    """The simulation's ticks, one symbol after the other, evenly spaced from a start."""
    # Not for secrets: a seeded walk is to be repeated.
    generator = random.Random(simulation.seed)  # noqa: S311
    prices = dict.fromkeys(simulation.symbols, FIRST_PRICE)
    symbols = list(prices)
    for number in range(simulation.ticks):
        symbol = symbols[number % len(symbols)]
        prices[symbol] *= math.exp(generator.gauss(0, simulation.volatility))
        yield Tick(
            symbol=symbol,
            at=start + timedelta(seconds=number / simulation.ticks_per_second),
            price=round(prices[symbol], 6),
            size=generator.randint(1, 1_000),
        )


async def paced(simulation: Simulation) -> AsyncIterator[TickBatch]:
    """The simulation in real time, ten batches a second."""
    ticks = list[Tick]()
    clock = asyncio.get_running_loop().time
    started = clock()
    size = max(1, round(simulation.ticks_per_second / BATCHES_PER_SECOND))
    for number, tick in enumerate(walk(simulation, datetime.now(UTC)), start=1):
        ticks.append(tick)
        if len(ticks) == size or number == simulation.ticks:
            # Measured from the start, so that pauses do not add up.
            await asyncio.sleep(started + number / simulation.ticks_per_second - clock())
            yield TickBatch(ticks=ticks)
            ticks = []


def read_parquet(content: bytes) -> Iterator[TickBatch]:
    """Ticks of a Parquet file with the columns symbol, at, price, size and, if any, sequence.

    Raises polars' errors for what is no such file and ValidationError for a bad row.
    """
    table = pl.read_parquet(io.BytesIO(content))
    for part in table.iter_slices(REPLAY_BATCH):
        yield TickBatch.model_validate({"ticks": part.to_dicts()})


def write_parquet(ticks: pl.DataFrame) -> bytes:
    """A compressed segment of ticks."""
    segment = io.BytesIO()
    ticks.write_parquet(segment, compression="zstd", compression_level=9, statistics=True)
    return segment.getvalue()


async def note(
    redis: Redis, name: str, state: FeedState, ticks: int, error: str | None = None
) -> None:
    """Write down how a feed is doing, for every worker to tell."""
    feed = Feed(name=name, state=state, ticks=ticks, updated_at=datetime.now(UTC), error=error)
    await redis.hset(FEEDS, name, feed.model_dump_json())


async def known(redis: Redis) -> list[Feed]:
    """Every feed, by name; one that lost its worker has failed."""
    found = [Feed.model_validate_json(value) for value in (await redis.hgetall(FEEDS)).values()]
    now = datetime.now(UTC)
    for feed in found:
        if feed.state is FeedState.RUNNING and now - feed.updated_at > LOST_AFTER:
            feed.state, feed.error = FeedState.FAILED, "its worker is gone"
    return sorted(found, key=lambda feed: feed.name)
