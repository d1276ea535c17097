"""Several instruments' returns over the same periods, as risk and portfolio take them."""

from datetime import datetime
from itertools import pairwise

import asyncpg
from pydantic import BaseModel

from nautilus.frame.fields import Symbol
from nautilus.market.bars import Interval


class ReturnTable(BaseModel):
    """Simple returns from close to close, oldest first; a period is one that all traded in."""

    interval: Interval
    at: list[datetime]
    """Where each period's bar begins."""
    returns: dict[Symbol, list[float]]


async def common_returns(
    pool: asyncpg.Pool, symbols: list[str], interval: Interval, periods: int
) -> ReturnTable:
    """The instruments' last returns, of the bars that all of them have; none without such bars."""
    rows = await pool.fetch(
        """
        SELECT at, array_agg(close ORDER BY array_position($1, symbol)) AS closes
        FROM marketdata.bars WHERE symbol = ANY($1) AND "interval" = $2
        GROUP BY at HAVING count(*) = cardinality($1) ORDER BY at DESC LIMIT $3
        """,
        symbols,
        interval.value,
        periods + 1,
    )
    closes = [row["closes"] for row in reversed(rows)]
    return ReturnTable(
        interval=interval,
        at=[row["at"] for row in reversed(rows)][1:],
        returns={
            symbol: [later[i] / earlier[i] - 1 for earlier, later in pairwise(closes)]
            for i, symbol in enumerate(symbols)
        },
    )
