"""Where ticks come from besides requests: a seeded simulator and a Parquet replay."""

import asyncio
import io
import logging
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import polars as pl
from redis.asyncio import Redis

from nautilus.engines.marketdata.models import Feed, FeedState, Simulation, Tick, TickBatch
from nautilus.frame.stores import STORE_AWAY
from nautilus.frame.streams import entry
from nautilus.frame.topics import TICK_INTAKE

log = logging.getLogger(__name__)

FEEDS = "nautilus:marketdata:feeds"
BATCHES_PER_SECOND = 10
REPLAY_BATCH = 10_000
FIRST_PRICE = 100.0
# A running feed that has not been heard of for so long has lost its worker.
LOST_AFTER = timedelta(seconds=10)
RETRY_S = 0.5


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
    """The simulation in real time, ten batches a second; what lies in the past one a second."""
    rate = simulation.ticks_per_second
    clock = asyncio.get_running_loop().time
    begun = clock() - simulation.history_s
    start = datetime.now(UTC) - timedelta(seconds=simulation.history_s)
    ticks = list[Tick]()
    for number, tick in enumerate(walk(simulation, start), start=1):
        ticks.append(tick)
        # Measured from the beginning, so that pauses do not add up.
        wait_s = begun + number / rate - clock()
        size = rate if wait_s < 0 else rate / BATCHES_PER_SECOND
        if len(ticks) >= max(1, round(size)) or number == simulation.ticks:
            await asyncio.sleep(wait_s)
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


async def simulate(redis: Redis, name: str, simulation: Simulation) -> None:
    """Feed the intake with a simulation, and note how it goes; waits while Redis is away."""
    done = 0
    try:
        async for batch in paced(simulation):
            # Written twice, when Redis went after it and before it said so, it is stored once.
            await _insist(redis.xadd, TICK_INTAKE, entry(batch))
            done += len(batch.ticks)
            await _insist(note, redis, name, FeedState.RUNNING, done)
        await _insist(note, redis, name, FeedState.DONE, done)
    except asyncio.CancelledError:
        # Once: an engine that stops waits for nobody, and a feed that is silent is known as lost.
        with suppress(*STORE_AWAY):
            await note(redis, name, FeedState.FAILED, done, "its engine was stopped")
        raise
    except Exception as error:
        log.exception("%s failed", name)
        await _insist(note, redis, name, FeedState.FAILED, done, str(error))


async def _insist(write: Callable[..., Awaitable[object]], *arguments: object) -> None:
    while True:
        try:
            await write(*arguments)
            return
        except STORE_AWAY as error:
            log.warning("Redis is away: %s; trying again", error)
            await asyncio.sleep(RETRY_S)
