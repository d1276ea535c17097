"""What Postgres tells of jobs: that one may be free to take, and that one has ended."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from nautilus.frame.job_store import CHANNEL, ENDED_CHANNEL

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy


class JobNews:
    """One worker's ear."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self.bell = asyncio.Event()
        """Rings when a job of ours may be free, and when the connection is lost."""
        self._waiting: set[tuple[str, asyncio.Event]] = set()

    @asynccontextmanager
    async def listening(self, pool: asyncpg.Pool) -> AsyncIterator["PoolConnectionProxy"]:
        """Hear by a connection of its own."""
        async with pool.acquire() as connection:
            connection.add_termination_listener(lambda _: self.bell.set())
            await connection.add_listener(CHANNEL, self._told)
            await connection.add_listener(ENDED_CHANNEL, self._told)
            try:
                yield connection
            finally:
                await connection.remove_listener(CHANNEL, self._told)
                await connection.remove_listener(ENDED_CHANNEL, self._told)

    @contextmanager
    def end_of(self, job: UUID) -> Iterator[asyncio.Event]:
        """Set when the job ends from now on."""
        waiting = str(job), asyncio.Event()
        self._waiting.add(waiting)
        try:
            yield waiting[1]
        finally:
            self._waiting.discard(waiting)

    def _told(self, *heard: object) -> None:
        channel, said = heard[-2:]
        if channel == CHANNEL and said == self._engine:
            self.bell.set()
        for job, ended in self._waiting:
            if job == said:
                ended.set()
