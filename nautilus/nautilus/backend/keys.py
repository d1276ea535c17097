"""Users' API keys: shown once, kept as a hash, revoked at once."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy import DateTime, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column

from nautilus.backend.database import Table, transaction
from nautilus.frame.fields import Identifier
from nautilus.frame.router import Router

PREFIX = "nautilus"
ID_BYTES = 6
SECRET_BYTES = 32
# How exactly the last use is told; a key in use is not written at every request.
USE_STEP = timedelta(minutes=1)


class Scope(StrEnum):
    """What a key is good for; one that may write may read as well."""

    READ = "read"
    WRITE = "write"


class KeyRow(Table):
    """A key, without the secret that only its user has."""

    __tablename__ = "api_key"
    __table_args__ = {"schema": "backend"}  # noqa: RUF012 - as SQLAlchemy wants it

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    scope: Mapped[str]
    digest: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class NewKey(BaseModel):
    """A key to be."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,64}$")]
    scope: Scope = Scope.READ


class ApiKey(BaseModel):
    """A key as anybody may see it."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    scope: Scope
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class CreatedKey(ApiKey):
    """A key with its token, for this once."""

    token: str


class Keys:
    """The keys in Postgres."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def routes(self) -> Router:
        """Create, list and revoke keys."""
        router = Router(prefix="/keys", tags=["keys"])
        router.post("", status_code=201)(self.create)
        router.get("")(self.known)
        router.delete("/{key_id}", responses={404: {"description": "no such key"}})(self.revoke)
        return router

    async def create(self, new: NewKey) -> CreatedKey:
        """Make a key; its token is told now and never again."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        row = KeyRow(
            id=secrets.token_hex(ID_BYTES),
            name=new.name,
            scope=new.scope,
            digest=_digest(secret),
            created_at=datetime.now(UTC),
        )
        async with transaction(self._engine) as session:
            session.add(row)
        told = ApiKey.model_validate(row)
        return CreatedKey(**told.model_dump(), token=f"{PREFIX}_{row.id}_{secret}")

    async def known(self) -> list[ApiKey]:
        """Every key, the newest first; revoked ones say when."""
        async with transaction(self._engine) as session:
            rows = await session.scalars(select(KeyRow).order_by(KeyRow.created_at.desc()))
            return [ApiKey.model_validate(row) for row in rows]

    async def revoke(self, key_id: Identifier) -> ApiKey:
        """End a key; from the next request on it opens nothing."""
        async with transaction(self._engine) as session:
            row = await session.get(KeyRow, key_id, with_for_update=True)
            if row is None:
                raise HTTPException(404, f"no key {key_id}")
            row.revoked_at = row.revoked_at or datetime.now(UTC)
            return ApiKey.model_validate(row)

    async def scope_of(self, token: str) -> Scope | None:
        """What a token is good for; None for one that is unknown or revoked."""
        prefix, _, rest = token.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != PREFIX or not (key_id.isascii() and key_id.isalnum()):
            return None
        async with transaction(self._engine) as session:
            row = await session.get(KeyRow, key_id)
            known = row is not None and row.revoked_at is None
            # Compared in either case, so that the time taken tells nothing.
            same = hmac.compare_digest(_digest(secret), row.digest if row is not None else b"")
            if row is None or not (known and same):
                return None
            now = datetime.now(UTC)
            if row.used_at is None or now - row.used_at > USE_STEP:
                statement = update(KeyRow).where(KeyRow.id == key_id).values(used_at=now)
                await session.execute(statement)
            return Scope(row.scope)


def _digest(secret: str) -> bytes:
    # Of 256 random bits: a slow hash, as for what people choose, would protect nothing more.
    return hashlib.sha256(secret.encode()).digest()
