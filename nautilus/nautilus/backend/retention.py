"""Jobs that ended long ago go. Ticks are marketdata's: they leave once they are in its archive."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_DELETE_JOBS = "DELETE FROM jobs.job WHERE finished_at < now() - make_interval(days => :days)"


async def apply(connection: AsyncConnection, job_days: int) -> None:
    """Delete what is older, as the owner of the tables."""
    await connection.execute(text(_DELETE_JOBS), {"days": job_days})
