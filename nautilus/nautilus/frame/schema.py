"""The tables that an engine owns, made by it when they are missing."""

from importlib.resources import files

import asyncpg

# Any number, the same for all engines and workers: they start at once, and Postgres' own
# "IF NOT EXISTS" does not bear two makers at a time.
LOCK = 8_000


async def make_schema(pool: asyncpg.Pool, package: str) -> None:
    """Run a package's schema.sql, whose statements leave what exists alone."""
    schema = files(package).joinpath("schema.sql").read_text(encoding="utf-8")
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await connection.execute(schema)
