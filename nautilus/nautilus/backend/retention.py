"""Jobs that ended long ago go, and portfolios' equity of long ago is thinned.

Ticks are marketdata's: they leave once they are in its archive. Bars and fills stay.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_DELETE_JOBS = "DELETE FROM jobs.job WHERE finished_at < now() - make_interval(days => :days)"

# Of an hour the first and last point stay, the highest and the lowest, and the two between which it
# fell deepest: with them the whole curve's first and highest value and its deepest drawdown, which
# analytics reads after a start, are as they were. Some hours at a time, so that it is quick after
# years, too; a portfolio's own last days are never touched, however long ago they were.
_THIN_EQUITY = """
WITH lives AS (
    SELECT portfolio, max(at) - make_interval(days => :days) AS until
    FROM analytics.equity GROUP BY portfolio
), dense AS (
    SELECT portfolio, date_trunc('hour', at) AS hour
    FROM analytics.equity JOIN lives USING (portfolio) WHERE at < date_trunc('hour', until)
    GROUP BY portfolio, hour HAVING count(*) > 6 LIMIT :hours
), topped AS (
    SELECT portfolio, hour, at, equity, max(equity) OVER (
        PARTITION BY portfolio, hour ORDER BY at
    ) AS top
    FROM dense JOIN analytics.equity USING (portfolio)
    WHERE at >= hour AND at < hour + interval '1 hour'
), fallen AS (
    SELECT *, CASE WHEN top > 0 THEN equity / top ELSE 1 END AS left_over,
        min(at) OVER (PARTITION BY portfolio, hour, top) AS top_at
    FROM topped
), kept AS (
    SELECT portfolio, hour, ARRAY[
        min(at), max(at),
        (array_agg(at ORDER BY equity, at))[1], (array_agg(at ORDER BY equity DESC, at))[1],
        (array_agg(top_at ORDER BY left_over, at))[1], (array_agg(at ORDER BY left_over, at))[1]
    ] AS times
    FROM fallen GROUP BY portfolio, hour
)
DELETE FROM analytics.equity AS here USING kept
WHERE here.portfolio = kept.portfolio AND at >= hour AND at < hour + interval '1 hour'
    AND at <> ALL (times)
"""
HOURS_AT_ONCE = 200


async def apply(connection: AsyncConnection, job_days: int, equity_days: int) -> None:
    """Delete what is older, as the owner of the tables."""
    await connection.execute(text(_DELETE_JOBS), {"days": job_days})
    await connection.execute(text(_THIN_EQUITY), {"days": equity_days, "hours": HOURS_AT_ONCE})
