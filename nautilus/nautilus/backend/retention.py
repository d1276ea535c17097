"""What is old goes: ticks and ended jobs, each after its number of days."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Whole chunks, which costs next to nothing; it keeps a chunk that has younger ticks too.
_DROP_CHUNKS = "SELECT drop_chunks('marketdata.ticks', older_than => make_interval(days => :days))"
_DELETE_TICKS = "DELETE FROM marketdata.ticks WHERE at < now() - make_interval(days => :days)"
_DELETE_JOBS = "DELETE FROM jobs.job WHERE finished_at < now() - make_interval(days => :days)"
_TIMESCALE = "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"
_HYPERTABLE = """
SELECT count(*) FROM timescaledb_information.hypertables
WHERE hypertable_schema = 'marketdata' AND hypertable_name = 'ticks'
"""


async def apply(connection: AsyncConnection, tick_days: int, job_days: int) -> None:
    """Delete what is older, as the owner of the tables."""
    chunked = await connection.scalar(text(_TIMESCALE)) and await connection.scalar(
        text(_HYPERTABLE)
    )
    ticks = _DROP_CHUNKS if chunked else _DELETE_TICKS
    await connection.execute(text(ticks), {"days": tick_days})
    await connection.execute(text(_DELETE_JOBS), {"days": job_days})
