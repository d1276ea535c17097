"""Redis and Postgres, as one service sees them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import cast

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError
from redis.exceptions import TimeoutError as RedisTimeoutError
from typing_extensions import override

from nautilus.frame.settings import Settings, read_secret

CONNECT_TIMEOUT_S = 2.0
ROTATION_S = 2.0
"""How long a refused password is read again: Postgres and the file change one after the other."""
REDIS_RETRIES = 2
POSTGRES_CONNECTIONS = 8

# What a store that is away or full raises. Anything else is an error of ours and must not be
# waited out.
STORE_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    OutOfMemoryError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)


# What Postgres says before the engine that owns a table has made it.
NOT_PREPARED = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)


class StoreNotConfiguredError(RuntimeError):
    """A service asked for a store whose address its environment does not give."""


class _PasswordFile(CredentialProvider):
    """Redis' password, read at every connection so that a rotated secret is picked up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @override
    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        return (read_secret(self._settings.redis_password_file) or "",)

    @override
    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()


@dataclass
class Stores:
    """The service's connections, opened on first use and again after a store was away."""

    settings: Settings
    _redis: Redis | None = field(default=None, init=False)
    _postgres: asyncpg.Pool | None = field(default=None, init=False)
    _probe: asyncpg.Pool | None = field(default=None, init=False)

    async def open(self) -> None:
        """Make the pools; no store needs to be up for it."""
        if self.settings.redis_host:
            self._redis = _redis_client(self.settings)
        if self.settings.database_url:
            self._postgres = await self._postgres_pool(POSTGRES_CONNECTIONS)
            # Its own connection, so that a busy pool is not taken for a dead database.
            self._probe = await self._postgres_pool(1)

    async def close(self) -> None:
        """Close every connection."""
        for pool in (self._postgres, self._probe):
            if pool is not None:
                pool.terminate()
        if self._redis is not None:
            await self._redis.aclose()

    @property
    def redis(self) -> Redis:
        """Redis; raises StoreNotConfiguredError without REDIS_HOST."""
        if self._redis is None:
            raise StoreNotConfiguredError("REDIS_HOST is not set")
        return self._redis

    @property
    def postgres(self) -> asyncpg.Pool:
        """Postgres' pool; raises StoreNotConfiguredError without DATABASE_URL."""
        if self._postgres is None:
            raise StoreNotConfiguredError("DATABASE_URL is not set")
        return self._postgres

    @property
    def needed(self) -> tuple[str, ...]:
        """The stores that this service depends on."""
        stores = {"redis": self.settings.redis_host, "postgres": self.settings.database_url}
        return tuple(name for name, address in stores.items() if address)

    async def ping(self, store: str) -> None:
        """Ask a store for a sign of life; raises what its client raises."""
        if store == "redis":
            await self.redis.echo("ping")
        elif self._probe is not None:
            await self._probe.execute("SELECT 1")

    async def _postgres_pool(self, connections: int) -> asyncpg.Pool:
        password_file = self.settings.postgres_password_file
        return await asyncpg.create_pool(
            self.settings.database_url,
            # Called at every connection, as for Redis. None leaves what the URL says.
            password=None if password_file is None else lambda: read_secret(password_file) or "",
            connect=_connect,
            min_size=0,
            max_size=connections,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=30.0,
            max_inactive_connection_lifetime=60.0,
            server_settings={"application_name": f"nautilus-{self.settings.service}"},
        )


async def _connect(*arguments: object, **settings: object) -> asyncpg.Connection:
    """Connect to Postgres; a password that was rotated just now is read and tried again."""
    # The pool gives what it was given itself, which its own types have checked.
    connect = cast("Callable[..., Awaitable[asyncpg.Connection]]", asyncpg.connect)
    deadline = monotonic() + ROTATION_S
    while True:
        try:
            return await connect(*arguments, **settings)
        except asyncpg.InvalidPasswordError:
            if monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


def _redis_client(settings: Settings) -> Redis:
    credentials = _PasswordFile(settings) if settings.redis_password_file else None
    return Redis(
        host=settings.redis_host or "",
        port=settings.redis_port,
        credential_provider=credentials,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=10.0,
        # Few and short: a request must learn soon that Redis is away.
        retry=Retry(ExponentialBackoff(cap=0.1, base=0.01), REDIS_RETRIES),
        decode_responses=True,
        client_name=f"nautilus-{settings.service}",
    )


async def within(timeout_s: float, stores: Stores, store: str) -> None:
    """Ping a store; raises TimeoutError when it takes longer."""
    async with asyncio.timeout(timeout_s):
        await stores.ping(store)
