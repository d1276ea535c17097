"""The backend: what the page and the world outside ask."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import APIRouter
from typing_extensions import override

from nautilus.backend.fleet import Fleet, ServiceState, of_backend, parse_services
from nautilus.frame.health import HealthCheck
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings


class Backend(Service):
    """One API in front of the stack."""

    name = "backend"

    _fleet: Fleet

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._addresses = parse_services(settings.services)
        self._check = HealthCheck(self)

    @override
    def routes(self) -> APIRouter:
        router = APIRouter(prefix="/api", tags=["stack"])
        router.get("/services")(self.services)
        return router

    @override
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The backend's life in one worker, with its HTTP client."""
        async with super().running(), httpx.AsyncClient(trust_env=False) as client:
            self._fleet = Fleet(self._addresses, client)
            yield

    async def services(self) -> list[ServiceState]:
        """The state of every service of the stack, asked now."""
        others = await self._fleet.states()
        return [*of_backend(await self._check.report()), *others]
