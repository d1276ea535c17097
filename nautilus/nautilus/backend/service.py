"""The backend: what the page and the world outside ask."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import Depends
from pydantic import JsonValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from nautilus.backend import proxy, retention
from nautilus.backend.database import connect, driver_error
from nautilus.backend.fleet import Fleet, ServiceState, of_backend, parse_services
from nautilus.backend.guard import Guard
from nautilus.backend.jobs import AllJobs
from nautilus.backend.keys import Keys
from nautilus.backend.schema import prepare
from nautilus.backend.store_metrics import StoreMetrics
from nautilus.catalogue import SERVICES
from nautilus.frame.health import HealthCheck
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings

CONNECTIONS = 5
RETENTION_EVERY_S = 3600.0
# Where Postgres is not configured nothing is asked of it; SQLAlchemy wants an address all the same.
NOWHERE = "postgresql://127.0.0.1:1/nowhere"


class NotReadyError(RuntimeError):
    """The database is not this release's yet."""


class Backend(Service):
    """One API in front of the stack, and the keeper of its database."""

    name = "backend"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._check = HealthCheck(self)
        addresses = parse_services(settings.services)
        self._ready = settings.owner_database_url is None
        self._database = self._connect(settings.database_url, CONNECTIONS)
        self._client = httpx.AsyncClient(trust_env=False)
        self._calls = httpx.AsyncClient(trust_env=False, timeout=proxy.TIMEOUT, limits=proxy.LIMITS)
        self._fleet = Fleet(addresses, self._client)
        engines = {
            name: address.removesuffix("/health")
            for name, address in (addresses | parse_services(settings.engines)).items()
            if name in SERVICES
        }
        self._proxy = proxy.Proxy(engines, self._calls)
        self._keys = Keys(self._database)
        self._guard = Guard(self._keys, settings)
        self._jobs = AllJobs(self._database)

    @override
    def routes(self) -> Router:
        router = Router(prefix="/api")
        router.get("/services", tags=["stack"])(self.services)
        guarded = [Depends(self._guard.admit)]
        router.include_router(self._jobs.routes(), dependencies=guarded)
        router.include_router(self._proxy.routes(), dependencies=guarded)
        router.include_router(self._keys.routes(), dependencies=[Depends(self._guard.admit_writer)])
        # Not below /api, so that nginx doesn't lead there.
        whole = Router()
        whole.include_router(StoreMetrics(self.stores).routes())
        whole.include_router(router)
        return whole

    @override
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The backend's life in one worker, with what it talks by."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._database.dispose)
            await stack.enter_async_context(self._client)
            await stack.enter_async_context(self._calls)
            await stack.enter_async_context(super().running())
            yield

    @override
    async def start(self) -> None:
        if self.settings.owner_database_url is not None:
            self.background.start("database", self._keep_database)

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        if not self._ready:
            raise NotReadyError("the database is being brought to this release's schema")
        return {}

    async def services(self) -> list[ServiceState]:
        """The state of every service of the stack, asked now."""
        others = await self._fleet.states()
        return [*of_backend(await self._check.report()), *others]

    async def _keep_database(self) -> None:
        """Prepare the database, then delete what is old, for as long as the backend runs."""
        owner = self._connect(self.settings.owner_database_url, 1, owner=True)
        try:
            await prepare(owner, self.settings.roles_directory)
            self._ready = True
            while True:
                async with owner.begin() as connection:
                    await retention.apply(
                        connection,
                        self.settings.job_retention_days,
                        self.settings.equity_by_second_days,
                    )
                await asyncio.sleep(RETENTION_EVERY_S)
        except DBAPIError as error:
            raise driver_error(error) from error
        finally:
            await owner.dispose()

    def _connect(self, url: str | None, connections: int, *, owner: bool = False) -> AsyncEngine:
        settings = self.settings
        file = settings.owner_password_file if owner else settings.postgres_password_file
        name = "nautilus-backend-owner" if owner else "nautilus-backend"
        return connect(url or NOWHERE, file, name, connections)
