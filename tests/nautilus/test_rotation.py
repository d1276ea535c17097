"""A password that is changed while a service opens connections."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from nautilus.frame.settings import Settings
from nautilus.frame.stores import Stores

from tests.nautilus.servers import PostgresServer


@pytest.fixture
def server(postgres_process: PostgresServer):
    yield postgres_process
    # Whatever the test set: the other tests share the server.
    asyncio.run(_set_password(postgres_process, "new", postgres_process.password))


async def _set_password(server: PostgresServer, password: str, new: str) -> None:
    connection = await asyncpg.connect(server.url, password=password)
    await connection.execute(f"ALTER ROLE nautilus PASSWORD '{new}'")
    await connection.close()


async def _ask(settings: Settings) -> int:
    stores = Stores(settings)
    await stores.open()
    try:
        return int(await stores.postgres.fetchval("SELECT 1"))
    finally:
        await stores.close()


def test_a_connection_between_the_change_and_the_file_waits_for_the_file(
    server: PostgresServer, postgres_settings: dict[str, object]
) -> None:
    file = postgres_settings["postgres_password_file"]
    assert isinstance(file, Path)
    settings = Settings.model_validate({"service": "risk", **postgres_settings})

    async def rotate() -> int:
        await _set_password(server, server.password, "new")
        asked = asyncio.create_task(_ask(settings))
        _, pending = await asyncio.wait([asked], timeout=0.3)
        assert pending, "refused at once"
        file.write_text("new\n")
        return await asked

    assert asyncio.run(rotate()) == 1


def test_a_password_that_stays_wrong_is_told(
    server: PostgresServer, postgres_settings: dict[str, object]
) -> None:
    asyncio.run(_set_password(server, server.password, "new"))
    settings = Settings.model_validate({"service": "risk", **postgres_settings})
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(_ask(settings))
