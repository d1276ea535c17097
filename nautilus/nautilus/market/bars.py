"""Bars as the marketdata engine stores them, and how all read them."""

from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg
from pydantic import BaseModel

from nautilus.frame.fields import Symbol


class Interval(StrEnum):
    """A bar's length."""

    S1 = "1s"
    S5 = "5s"
    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    H1 = "1h"
    D1 = "1d"


LENGTHS = {
    Interval.S1: timedelta(seconds=1),
    Interval.S5: timedelta(seconds=5),
    Interval.M1: timedelta(minutes=1),
    Interval.M5: timedelta(minutes=5),
    Interval.M15: timedelta(minutes=15),
    Interval.H1: timedelta(hours=1),
    Interval.D1: timedelta(days=1),
}


YEAR = timedelta(days=365)
"""Of trading: nothing here knows an exchange's calendar."""


def periods_per_year(interval: Interval) -> float:
    """Bars in a year."""
    return YEAR / LENGTHS[interval]


class Bar(BaseModel):
    """Open, high, low, close and volume of an interval that begins at `at`."""

    symbol: Symbol
    interval: Interval
    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    ticks: int


async def stored_bars(
    pool: asyncpg.Pool,
    symbol: str,
    interval: Interval,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> list[Bar]:
    """The last bars of an instrument within a time, oldest first."""
    try:
        rows = await pool.fetch(
            """
            SELECT * FROM (
                SELECT symbol, "interval", at, open, high, low, close, volume, ticks
                FROM marketdata.bars
                WHERE symbol = $1 AND "interval" = $2
                    AND ($3::timestamptz IS NULL OR at >= $3)
                    AND ($4::timestamptz IS NULL OR at < $4)
                ORDER BY at DESC LIMIT $5
            ) AS newest ORDER BY at
            """,
            symbol,
            interval.value,
            start,
            end,
            limit,
        )
    except asyncpg.UndefinedTableError:
        # Made by the marketdata engine when it first starts: until then there are no bars.
        return []
    return [Bar.model_validate(dict(row)) for row in rows]
