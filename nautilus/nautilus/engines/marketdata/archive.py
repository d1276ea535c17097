"""Days that are over, kept as compressed segments; their ticks leave the database later.

A segment is one instrument's day (UTC) in a Parquet file that /feeds/replay takes.
"""

import asyncio
import logging
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import asyncpg
from pydantic import BaseModel

from nautilus.engines.marketdata import store
from nautilus.engines.marketdata.feeds import write_parquet
from nautilus.frame.compute import Compute
from nautilus.frame.fields import Symbol

log = logging.getLogger(__name__)

DAY = timedelta(days=1)
# After midnight: what is still under way then belongs to the day before.
SETTLE = timedelta(minutes=5)


class Segment(BaseModel):
    """An archived day of an instrument."""

    symbol: Symbol
    day: date
    ticks: int
    size_bytes: int
    archived_at: datetime
    pruned: bool
    """Whether its ticks are in the archive alone."""


class Archive:
    """The segments in a directory; Postgres knows which there are."""

    def __init__(
        self, pool: asyncpg.Pool, directory: Path, kept_days: int, compute: Compute
    ) -> None:
        self._pool = pool
        self._directory = directory
        self._kept = timedelta(days=kept_days)
        self._compute = compute

    async def follow(self) -> None:
        """Archive each day when it is over; ends only by an error."""
        while True:
            now = datetime.now(UTC)
            await self.run(now.date())
            next_day = datetime.combine(now.date() + DAY, time(), UTC) + SETTLE
            await asyncio.sleep((next_day - now).total_seconds())

    async def run(self, today: date) -> list[Segment]:
        """Archive all days before today that are not, or that got ticks since; then prune."""
        midnight = datetime.combine(today, time(), UTC)
        due = await self._pool.fetch(
            """
            SELECT symbol, day FROM (
                SELECT symbol, (at AT TIME ZONE 'UTC')::date AS day, count(*) AS ticks
                FROM marketdata.ticks WHERE at < $1 GROUP BY symbol, day
            ) AS found LEFT JOIN marketdata.segments AS kept USING (symbol, day)
            WHERE kept.ticks IS DISTINCT FROM found.ticks ORDER BY day, symbol
            """,
            midnight,
        )
        made = [await self._archive(row["symbol"], row["day"]) for row in due]
        await self._prune(midnight - self._kept)
        return made

    async def read(self, symbol: str, day: date) -> bytes | None:
        """A segment's content; None for a day that is not archived."""
        path = self._path(symbol, day)
        return await self._compute.run(path.read_bytes) if path.exists() else None

    async def segments(self) -> list[Segment]:
        """All segments, by day and instrument."""
        rows = await self._pool.fetch("SELECT * FROM marketdata.segments ORDER BY day, symbol")
        return [Segment.model_validate(dict(row)) for row in rows]

    def _path(self, symbol: str, day: date) -> Path:
        return self._directory / day.isoformat() / f"{symbol}.parquet"

    async def _archive(self, symbol: str, day: date) -> Segment:
        ticks = await store.day_of_ticks(self._pool, symbol, datetime.combine(day, time(), UTC))
        content = await self._compute.run(write_parquet, ticks)
        path = self._path(symbol, day)
        await self._compute.run(_replace, path, content)
        row = await self._pool.fetchrow(
            """
            INSERT INTO marketdata.segments VALUES ($1, $2, $3, $4, now())
            ON CONFLICT (symbol, day) DO UPDATE SET ticks = excluded.ticks,
                size_bytes = excluded.size_bytes, archived_at = excluded.archived_at
            RETURNING *
            """,
            symbol,
            day,
            len(ticks),
            len(content),
        )
        return Segment.model_validate(dict(row or {}))

    async def _prune(self, before: datetime) -> None:
        # Only what is in a segment to the last tick, and no writer may add one meanwhile.
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE marketdata.symbols IN EXCLUSIVE MODE")
            await connection.execute(
                """
                WITH closed AS (
                    UPDATE marketdata.segments AS kept SET pruned = true
                    WHERE NOT pruned AND day < ($1 AT TIME ZONE 'UTC')::date AND ticks = (
                        SELECT count(*) FROM marketdata.ticks AS here
                        WHERE here.symbol = kept.symbol
                            AND here.at >= kept.day::timestamp AT TIME ZONE 'UTC'
                            AND here.at < (kept.day + 1)::timestamp AT TIME ZONE 'UTC'
                    ) RETURNING symbol, day
                )
                DELETE FROM marketdata.ticks AS here USING closed
                WHERE here.symbol = closed.symbol
                    AND here.at >= closed.day::timestamp AT TIME ZONE 'UTC'
                    AND here.at < (closed.day + 1)::timestamp AT TIME ZONE 'UTC'
                """,
                before,
            )


def _replace(path: Path, content: bytes) -> None:
    # Whole or not at all: a reader, or a restart, never sees half a segment.
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(path)
