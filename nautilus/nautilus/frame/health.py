"""/health: what holds for this service now, and 503 when something it needs does not."""

import asyncio
import time
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

from nautilus.frame.service import Service
from nautilus.frame.stores import within

STORE_TIMEOUT_S = 0.8
# Under load many ask at once, and one answer serves them all.
FRESH_S = 0.5


class Dependency(BaseModel):
    """A store that the service needs."""

    ok: bool
    latency_ms: float | None = None
    error: str | None = None


class Health(BaseModel):
    """A service's state; an engine adds fields of its own."""

    model_config = ConfigDict(extra="allow")

    status: str
    reasons: list[str]
    service: str
    release: str
    environment: str
    uptime_seconds: float
    messagebus_connected: bool
    dependencies: dict[str, Dependency]
    background: dict[str, str]
    workers: int
    cpus: int
    threads: dict[str, int]


class HealthCheck:
    """Asks a service and its stores, all at once and within a second."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._started = time.monotonic()
        self._lock = asyncio.Lock()
        self._asked_at = -FRESH_S
        self._answer: Health | None = None

    async def report(self) -> Health:
        """The state now, or that of half a second ago at most."""
        async with self._lock:
            if self._answer is None or time.monotonic() - self._asked_at > FRESH_S:
                self._answer = await self._ask()
                self._asked_at = time.monotonic()
            return self._answer

    async def _ask(self) -> Health:
        service = self._service
        service.compute.refit()
        (own, fault), dependencies = await asyncio.gather(self._own_fields(), self._dependencies())
        reasons = [
            f"{name}: {answer.error}" for name, answer in dependencies.items() if answer.error
        ]
        # A store that is away is named above, and says why the fields are missing too.
        if fault and not reasons:
            reasons.append(f"health: {fault}")
        if service.shared.notice:
            reasons.append(service.shared.notice)
        redis = dependencies.get("redis")
        return Health(
            status="unhealthy" if reasons else "healthy",
            reasons=reasons,
            service=service.name,
            release=service.settings.nautilus_release,
            environment=service.settings.environment,
            uptime_seconds=round(time.monotonic() - self._started, 3),
            messagebus_connected=redis is not None and redis.ok,
            dependencies=dependencies,
            background=dict(service.background.states),
            workers=service.settings.workers,
            cpus=service.compute.cpus,
            threads=service.compute.threads,
            **service.shared.totals((*service.counts, *service.gauges)),
            **own,
        )

    async def _own_fields(self) -> tuple[Mapping[str, JsonValue], str | None]:
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                return await self._service.health(), None
        # Health must answer above all: a fault in a field is a reason, not an error 500.
        except Exception as error:
            return {}, _sentence(error)

    async def _dependencies(self) -> dict[str, Dependency]:
        needed = self._service.stores.needed
        answers = await asyncio.gather(*map(self._dependency, needed))
        return dict(zip(needed, answers, strict=True))

    async def _dependency(self, store: str) -> Dependency:
        asked = time.perf_counter()
        try:
            await within(STORE_TIMEOUT_S, self._service.stores, store)
        # A wrong password or a missing database is no outage of ours: report it like one.
        except Exception as error:
            return Dependency(ok=False, error=_sentence(error))
        return Dependency(ok=True, latency_ms=round((time.perf_counter() - asked) * 1e3, 3))


def _sentence(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return f"no answer within {STORE_TIMEOUT_S} s"
    return str(error) or type(error).__name__
