"""What a test asks Postgres itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from tests.nautilus.servers import PostgresServer


def ask(server: PostgresServer, query: Callable[[asyncpg.Connection], Awaitable[Any]]) -> Any:
    """Answer a query of the owner's."""

    async def connected() -> Any:
        connection = await asyncpg.connect(server.url, password=server.password)
        try:
            return await query(connection)
        finally:
            await connection.close()

    return asyncio.run(connected())
