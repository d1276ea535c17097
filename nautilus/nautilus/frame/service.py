"""What a service is to the frame that runs it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar

from pydantic import JsonValue

from nautilus.frame.background import Background
from nautilus.frame.compute import Compute
from nautilus.frame.router import Router
from nautilus.frame.settings import Settings
from nautilus.frame.shared import Shared
from nautilus.frame.stores import Stores


class Service:
    """One engine or the backend: its routes, what it counts, its health, its background work.

    A subclass names what it counts in `counts`, and what goes up and down in `gauges`; each is a
    field of /health and a metric.
    """

    name: ClassVar[str]
    counts: ClassVar[tuple[str, ...]] = ()
    gauges: ClassVar[tuple[str, ...]] = ()

    compute: Compute

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shared = Shared((*self.counts, *self.gauges))
        self.stores = Stores(settings)
        self.background = Background(self.shared)

    def routes(self) -> Router:
        """The service's own endpoints."""
        return Router()

    @property
    def leads(self) -> bool:
        """Whether this is the one worker that does what must be done in order.

        Workers have rows, and the one that replaces another has its row: so there is always one.
        """
        return self.shared.row == 0

    async def health(self) -> Mapping[str, JsonValue]:
        """The service's own fields of /health, besides what it counts."""
        return {}

    async def start(self) -> None:
        """Begin background work; stores may be away."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The service's life in one worker."""
        self.compute = Compute(self.settings.workers)
        for gauge in self.gauges:
            # Left by the worker that this one replaces.
            self.shared.set(gauge, 0)
        await self.stores.open()
        await self.start()
        try:
            yield
        finally:
            await self.background.stop()
            self.compute.close()
            await self.stores.close()
