"""SQLAlchemy's way to Postgres, with the errors that the frame knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from nautilus.frame.settings import read_secret
from nautilus.frame.stores import CONNECT_TIMEOUT_S, NOT_PREPARED, STORE_AWAY


class Table(DeclarativeBase):
    """What the tables of the backend's queries have in common."""


def connect(url: str, password_file: Path | None, name: str, connections: int) -> AsyncEngine:
    """An engine that connects on first use, and again after Postgres was away."""
    password = {} if password_file is None else {"password": lambda: read_secret(password_file)}
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        # A connection that died while it was idle is replaced, and no request sees it.
        pool_pre_ping=True,
        connect_args={
            **password,
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": 30.0,
            "server_settings": {"application_name": name},
        },
    )


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """A session that commits at its end; raises ConnectionError when Postgres is away."""
    try:
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except (DBAPIError, PoolTimeoutError) as error:
        raise driver_error(error) from error


def driver_error(error: Exception) -> Exception:
    """What the frame knows by its own name: a store that is away or not ready; else the error."""
    cause = getattr(getattr(error, "orig", None), "__cause__", None)
    if isinstance(cause, NOT_PREPARED):
        return cause
    if isinstance(error, PoolTimeoutError) or isinstance(cause, STORE_AWAY):
        return ConnectionError(str(cause or error))
    return error
