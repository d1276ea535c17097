"""A client that writes to Postgres and Redis whatever happens, and counts what was acknowledged.

Runs in the platform's environment and a host's network: `python bench/rows.py SECRETS DIRECTORY`,
where the stack's secrets are, and where to keep what was acknowledged, which outlives this process.
Says `ready` once both took a row; at the end of its input it looks for all that was ever
acknowledged, and prints what it found as JSON.
"""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

EVERY_S = 0.02
PATIENCE_S = 5
AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, RedisError, OSError, TimeoutError)
STREAM = TABLE = "drydock_bench_rows"


class Postgres:
    """Rows of a table of its own."""

    def __init__(self, secrets: Path) -> None:
        self._secrets = secrets

    async def _connection(self) -> asyncpg.Connection:
        password = (self._secrets / "postgres_password").read_text().strip()
        return await asyncpg.connect(
            host="127.0.0.1", user="nautilus", database="nautilus", password=password, timeout=2
        )

    async def writer(self) -> asyncpg.Connection:
        connection = await self._connection()
        await connection.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (number bigint)")
        return connection

    async def write(self, connection: asyncpg.Connection, number: int) -> None:
        await connection.execute(
            f"INSERT INTO {TABLE} VALUES ($1)",  # noqa: S608 - a constant of ours
            number,
            timeout=PATIENCE_S,
        )

    async def found(self) -> set[int]:
        connection = await self._connection()
        rows = await connection.fetch(f"SELECT number FROM {TABLE}")  # noqa: S608
        await connection.execute(f"DROP TABLE {TABLE}")
        await connection.close()
        return {row["number"] for row in rows}


class Entries:
    """Entries of a Redis stream of its own."""

    def __init__(self, secrets: Path) -> None:
        self._secrets = secrets

    async def writer(self) -> Redis:
        password = (self._secrets / "redis_password").read_text().strip()
        return Redis(host="127.0.0.1", password=password, socket_timeout=PATIENCE_S, retry=None)

    async def write(self, redis: Redis, number: int) -> None:
        await redis.xadd(STREAM, {"number": number})

    async def found(self) -> set[int]:
        redis = await self.writer()
        entries = await redis.xrange(STREAM)
        await redis.delete(STREAM)
        await redis.aclose()
        return {int(fields[b"number"]) for _, fields in entries}


async def keep_writing(
    store: Postgres | Entries, file: Path, begun: asyncio.Event, over: asyncio.Event
) -> set[int]:
    """The numbers whose writing was ever acknowledged."""
    acknowledged = {int(line) for line in file.read_text().split()} if file.exists() else set()
    number, writer = max(acknowledged, default=0), None
    with file.open("a") as kept:
        while not over.is_set():
            number += 1
            try:
                writer = writer or await store.writer()
                await store.write(writer, number)
            except AWAY:
                writer = None
            else:
                acknowledged.add(number)
                print(number, file=kept, flush=True)
                begun.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), EVERY_S)
    return acknowledged


async def main(secrets: Path, directory: Path) -> None:
    """Write until the input ends, and compare."""
    stores: dict[str, Postgres | Entries] = {
        "postgres": Postgres(secrets),
        "redis": Entries(secrets),
    }
    over = asyncio.Event()
    begun = {name: asyncio.Event() for name in stores}
    writing = [
        asyncio.create_task(keep_writing(store, directory / name, begun[name], over))
        for name, store in stores.items()
    ]
    await asyncio.gather(*(event.wait() for event in begun.values()))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    over.set()
    acknowledged = dict(zip(stores, await asyncio.gather(*writing), strict=True))
    found = {name: await store.found() for name, store in stores.items()}
    counts = {
        name: {"acknowledged": len(numbers), "missing": len(numbers - found[name])}
        for name, numbers in acknowledged.items()
    }
    print(json.dumps(counts))


asyncio.run(main(*map(Path, sys.argv[1:3])))
