"""Portfolios' equity curves, in Postgres and in short at hand."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import asyncpg
from pydantic import BaseModel

from nautilus.engines.analytics.performance import TrackRecord
from nautilus.market.bars import LENGTHS, periods_per_year
from nautilus.market.flow import FLOW_INTERVAL

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Periods that the running ratios are of: an hour.
RECENT = 3_600


class EquityPoint(BaseModel):
    """What a portfolio was worth at the end of a period."""

    at: datetime
    equity: float


@dataclass
class Curve:
    """A portfolio's equity: its latest periods, and what all finished ones came to."""

    first: float | None = None
    peak: float = 0.0
    deepest: float = 0.0
    last_at: datetime = EPOCH
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT + 1))

    def take(self, at: datetime, equity: float) -> None:
        """Note the equity of a period; of the same period, or an older one, the last word holds."""
        if not self.recent or at > self.last_at:
            if self.recent:
                self._finish()
            self.recent.append(equity)
            self.last_at = at
        else:
            self.recent[-1] = equity

    def _finish(self) -> None:
        if self.first is None:
            self.first = self.equity
        self.deepest = self.deepest_drawdown
        self.peak = max(self.peak, self.equity)

    @property
    def equity(self) -> float:
        """What the portfolio is worth."""
        return self.recent[-1]

    @property
    def total_return(self) -> float | None:
        """What it earned since it was opened, as a fraction of what it was worth then."""
        first = self.equity if self.first is None else self.first
        return self.equity / first - 1 if first > 0 else None

    @property
    def drawdown(self) -> float:
        """The fall from the highest equity, a fraction, 0 or negative."""
        peak = max(self.peak, self.equity)
        return self.equity / peak - 1 if peak > 0 else 0.0

    @property
    def deepest_drawdown(self) -> float:
        """The deepest of all its drawdowns."""
        return min(self.deepest, self.drawdown)

    def record(self) -> TrackRecord | None:
        """The latest periods' returns; None for less than two, or without anything to earn on."""
        if len(self.recent) < 3 or min(self.recent) <= 0:
            return None
        returns = [after / before - 1 for before, after in pairwise(self.recent)]
        return TrackRecord(returns=returns, periods_per_year=periods_per_year(FLOW_INTERVAL))


def period_of(at: datetime) -> datetime:
    """The beginning of the period that a time is in."""
    length = LENGTHS[FLOW_INTERVAL]
    return EPOCH + (at - EPOCH) // length * length


async def store(pool: asyncpg.Pool, portfolio: str, at: datetime, equity: float) -> None:
    """Keep the equity of a period; the last word holds."""
    await pool.execute(
        """
        INSERT INTO analytics.equity VALUES ($1, $2, $3)
        ON CONFLICT (portfolio, at) DO UPDATE SET equity = excluded.equity
        """,
        portfolio,
        at,
        equity,
    )


async def points(pool: asyncpg.Pool, portfolio: str, count: int) -> list[EquityPoint]:
    """The last points of a curve, the oldest first."""
    rows = await pool.fetch(
        """
        SELECT at, equity FROM analytics.equity WHERE portfolio = $1 ORDER BY at DESC LIMIT $2
        """,
        portfolio,
        count,
    )
    return [EquityPoint(at=row["at"], equity=row["equity"]) for row in reversed(rows)]


async def load(pool: asyncpg.Pool, portfolio: str) -> Curve:
    """A portfolio's curve as it is stored; an empty one where it has none."""
    recent = await points(pool, portfolio, RECENT + 1)
    finished = await pool.fetchrow(
        """
        SELECT
            (array_agg(equity ORDER BY at))[1] AS first,
            coalesce(max(equity), 0) AS peak,
            coalesce(min(CASE WHEN top > 0 THEN equity / top - 1 ELSE 0 END), 0) AS deepest
        FROM (
            SELECT at, equity, max(equity) OVER (ORDER BY at) AS top
            FROM analytics.equity WHERE portfolio = $1 AND at < $2
        ) AS curve
        """,
        portfolio,
        recent[-1].at if recent else EPOCH,
    )
    if finished is None or not recent:
        return Curve()
    curve = Curve(**finished, last_at=recent[-1].at)
    curve.recent.extend(point.equity for point in recent)
    return curve
