"""Ticks and bars in Postgres: hypertables where TimescaleDB is there, plain tables elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files

import asyncpg
import polars as pl

from nautilus.engines.marketdata.models import SymbolState, Tick
from nautilus.market.bars import LENGTHS, Bar

_HERE = files("nautilus.engines.marketdata")
INGEST = _HERE.joinpath("ingest.sql").read_text(encoding="utf-8")

COLUMNS = ("symbol", "at", "sequence", "price", "size")


async def ingest(pool: asyncpg.Pool, ticks: Sequence[Tick]) -> tuple[int, list[Bar]]:
    """Store what is new, all or nothing; returns how many ticks were, and the bars they changed."""
    records = [(t.symbol, t.at, t.sequence, t.price, t.size) for t in ticks]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "CREATE TEMPORARY TABLE incoming (LIKE marketdata.ticks) ON COMMIT DROP"
        )
        # One writer at a time for the bars: several would wait for each other's rows in turn.
        await connection.execute("LOCK TABLE marketdata.symbols IN EXCLUSIVE MODE")
        await connection.copy_records_to_table("incoming", records=records, columns=COLUMNS)
        rows = await connection.fetch(
            INGEST, [interval.value for interval in LENGTHS], list(LENGTHS.values())
        )
    return (rows[0]["stored"] if rows else 0), [Bar.model_validate(dict(row)) for row in rows]


async def bars_of(pool: asyncpg.Pool, ticks: Sequence[Tick]) -> list[Bar]:
    """All bars that ticks belong to, as they stand."""
    rows = await pool.fetch(
        """
        WITH touched AS (
            SELECT DISTINCT tick.symbol, span.name, date_bin(span.length, tick.at, 'epoch') AS at
            FROM unnest($1::text[], $2::timestamptz[]) AS tick (symbol, at)
            CROSS JOIN unnest($3::text[], $4::interval[]) AS span (name, length)
        )
        SELECT symbol, "interval", at, open, high, low, close, volume, ticks
        FROM touched JOIN marketdata.bars AS known USING (symbol, at)
        WHERE known."interval" = touched.name
        """,
        [tick.symbol for tick in ticks],
        [tick.at for tick in ticks],
        [interval.value for interval in LENGTHS],
        list(LENGTHS.values()),
    )
    return [Bar.model_validate(dict(row)) for row in rows]


async def symbols(pool: asyncpg.Pool) -> list[SymbolState]:
    """Every instrument that ever traded, by name."""
    rows = await pool.fetch("SELECT * FROM marketdata.symbols ORDER BY symbol")
    return [SymbolState.model_validate(dict(row)) for row in rows]


async def day_of_ticks(pool: asyncpg.Pool, symbol: str, start: datetime) -> pl.DataFrame:
    """All ticks of an instrument within 24 hours, oldest first."""
    rows = await pool.fetch(
        """
        SELECT symbol, at, sequence, price, size FROM marketdata.ticks
        WHERE symbol = $1 AND at >= $2 AND at < $2 + interval '1 day' ORDER BY at, sequence
        """,
        symbol,
        start,
    )
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "symbol": pl.String,
        "at": pl.Datetime("us", "UTC"),
        "sequence": pl.Int32,
        "price": pl.Float64,
        "size": pl.Float64,
    }
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
