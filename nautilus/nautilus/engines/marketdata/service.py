"""The marketdata engine: takes ticks, keeps bars, tells everybody."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time
from typing import Annotated

import polars as pl
from fastapi import Body, HTTPException, Query, Response
from pydantic import JsonValue, ValidationError
from typing_extensions import override

from nautilus.engines.marketdata import feeds, store
from nautilus.engines.marketdata.archive import Archive, Segment
from nautilus.engines.marketdata.models import (
    Feed,
    FeedState,
    Ingested,
    Simulation,
    SymbolState,
    Tick,
    TickBatch,
)
from nautilus.frame.background import end
from nautilus.frame.fields import Symbol
from nautilus.frame.refusal import unfit
from nautilus.frame.relay import publish
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings
from nautilus.frame.streams import consume, entry
from nautilus.frame.topics import KEPT_ENTRIES, TICK_INTAKE, TICKS
from nautilus.market.bars import Bar, Interval, stored_bars
from nautilus.market.flow import BarBatch
from nautilus.market.returns import ReturnTable, common_returns

log = logging.getLogger(__name__)


class MarketData(Service):
    """Ticks in, bars out, stored and published."""

    name = "marketdata"
    counts = ("messages_processed", "data_points_stored")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._simulations: dict[str, asyncio.Task[None]] = {}

    @override
    def routes(self) -> Router:
        router = Router(tags=["marketdata"])
        router.post("/data/ingest", status_code=201)(self.ingest)
        router.get("/data/{symbol}")(self.bars)
        router.get("/data/{symbol}/segment", response_class=Response)(self.segment)
        router.get("/segments")(self.segments)
        router.post("/segments", status_code=201)(self.archive)
        router.get("/symbols")(self.symbols)
        router.get("/returns")(self.returns)
        router.get("/feeds")(self.feeds)
        router.post("/feeds/simulator", status_code=202)(self.simulate)
        router.post("/feeds/replay", status_code=201)(self.replay)
        return router

    @override
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with super().running():
            try:
                yield
            finally:
                await end(self._simulations.values())

    @override
    async def start(self) -> None:
        if set(self.stores.needed) == {"redis", "postgres"}:
            self.background.start("intake", self._take_in)
            if self.leads and self.settings.archive_directory:
                self.background.start("archive", self._keep_archive)

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        if set(self.stores.needed) != {"redis", "postgres"}:
            return {"active_feeds": None, "symbols_tracked": None}
        found, tracked = await asyncio.gather(
            feeds.known(self.stores.redis),
            self.stores.postgres.fetchval("SELECT count(*) FROM marketdata.symbols"),
        )
        running = sum(feed.state is FeedState.RUNNING for feed in found)
        return {"active_feeds": running, "symbols_tracked": tracked}

    async def ingest(self, batch: TickBatch) -> Ingested:
        """Store ticks and tell of them; those known already are not stored again.

        So a batch may be repeated, and one that was answered with an error should be.
        """
        return Ingested(received=len(batch.ticks), stored=await self._store(batch.ticks))

    async def bars(
        self,
        symbol: Symbol,
        interval: Interval = Interval.M1,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=50_000)] = 500,
    ) -> list[Bar]:
        """An instrument's last bars within a time, oldest first."""
        return await stored_bars(self.stores.postgres, symbol, interval, start, end, limit)

    async def segment(self, symbol: Symbol, day: date) -> Response:
        """A day's ticks (UTC) as compressed Parquet, as /feeds/replay takes it."""
        start = datetime.combine(day, time(), UTC)
        ticks = await store.day_of_ticks(self.stores.postgres, symbol, start)
        archive = self._archive
        content = None
        if not ticks.is_empty():
            content = await self.compute.run(feeds.write_parquet, ticks)
        elif archive:
            content = await archive.read(symbol, day)
        if content is None:
            raise HTTPException(404, f"no ticks of {symbol} on {day}")
        return Response(content, media_type="application/vnd.apache.parquet")

    async def segments(self) -> list[Segment]:
        """The archived days, by day and instrument."""
        return await self._archive.segments() if self._archive else []

    async def archive(self) -> list[Segment]:
        """Archive at once what is done after each midnight: all days before today (UTC)."""
        if self._archive is None:
            raise HTTPException(404, "this engine has no archive: set ARCHIVE_DIRECTORY")
        return await self._archive.run(datetime.now(UTC).date())

    async def symbols(self) -> list[SymbolState]:
        """Every instrument with its last trade."""
        return await store.symbols(self.stores.postgres)

    async def returns(
        self,
        symbols: Annotated[list[Symbol], Query(min_length=1, max_length=100)],
        interval: Interval = Interval.M1,
        periods: Annotated[int, Query(ge=1, le=5_000)] = 250,
    ) -> ReturnTable:
        """Several instruments' last returns, over the periods that all of them traded in."""
        unique = list(dict.fromkeys(symbols))
        return await common_returns(self.stores.postgres, unique, interval, periods)

    async def feeds(self) -> list[Feed]:
        """Every feed and how it is doing."""
        return await feeds.known(self.stores.redis)

    async def simulate(self, simulation: Simulation) -> Feed:
        """Start a seeded random walk in real time, into the same intake as any other feed."""
        name = f"simulator-{simulation.seed}"
        own = self._simulations.get(name)
        # One that waited for Redis is told as lost until it is heard of again.
        if (own is not None and not own.done()) or any(
            feed.name == name and feed.state is FeedState.RUNNING for feed in await self.feeds()
        ):
            raise HTTPException(409, f"{name} is running already")
        await feeds.note(self.stores.redis, name, FeedState.RUNNING, 0)
        self._simulations[name] = asyncio.create_task(
            feeds.simulate(self.stores.redis, name, simulation)
        )
        return next(feed for feed in await self.feeds() if feed.name == name)

    async def replay(
        self, content: Annotated[bytes, Body(media_type="application/octet-stream")]
    ) -> Ingested:
        """Store the ticks of a Parquet file."""
        received = stored = 0
        try:
            for batch in feeds.read_parquet(content):
                received += len(batch.ticks)
                stored += await self._store(batch.ticks)
        except (pl.exceptions.PolarsError, ValidationError) as error:
            raise unfit("content", f"no Parquet file of ticks: {error}") from error
        return Ingested(received=received, stored=stored)

    async def _take_in(self) -> None:
        consumer = f"{socket.gethostname()}-{os.getpid()}"

        async def handle(batch: TickBatch) -> None:
            await self._store(batch.ticks)

        await consume(self.stores.redis, TICK_INTAKE, self.name, consumer, TickBatch, handle)

    @property
    def _archive(self) -> Archive | None:
        settings = self.settings
        if settings.archive_directory is None:
            return None
        directory, kept_days = settings.archive_directory, settings.ticks_kept_days
        return Archive(self.stores.postgres, directory, kept_days, self.compute)

    async def _keep_archive(self) -> None:
        if archive := self._archive:
            await archive.follow()

    async def _store(self, ticks: Sequence[Tick]) -> int:
        stored, changed = await store.ingest(self.stores.postgres, ticks)
        self.shared.add("messages_processed", len(ticks))
        self.shared.add("data_points_stored", stored)
        if stored < len(ticks):
            # Known already, and perhaps not told: what stored them may have died, or found Redis
            # away. To be told twice of a bar as it stands does no harm.
            changed = await store.bars_of(self.stores.postgres, ticks)
        await self._publish(ticks, changed)
        return stored

    async def _publish(self, ticks: Sequence[Tick], changed: list[Bar]) -> None:
        redis, fields = self.stores.redis, entry(TickBatch(ticks=list(ticks)))
        origin = await redis.xadd(TICKS, fields, maxlen=KEPT_ENTRIES, approximate=True)
        bars = BarBatch(origin=str(origin), at=max(tick.at for tick in ticks), bars=changed)
        async with redis.pipeline(transaction=True) as commit:
            publish(commit, bars)
            await commit.execute()
