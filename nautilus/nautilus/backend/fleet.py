"""The state of every service of the stack, asked live."""

import asyncio
import time
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from nautilus.frame.health import Health

TIMEOUT_S = 2.0


class State(StrEnum):
    """What a service says of itself, or that it says nothing."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNREACHABLE = "unreachable"


class ServiceState(BaseModel):
    """One service as the backend sees it."""

    service: str
    state: State
    latency_ms: float | None = None
    release: str | None = None
    reason: str | None = None


def parse_services(text: str) -> dict[str, str]:
    """Addresses by name from `risk=http://risk:8200,grafana=http://grafana:3000/api/health`.

    An address without a path means its /health. Raises ValueError for anything else.
    """
    addresses: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, separator, address = entry.partition("=")
        url = urlsplit(address)
        if not separator or not name or url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError(f"SERVICES: {entry!r} is not NAME=URL")
        addresses[name] = address if url.path.strip("/") else f"{address.rstrip('/')}/health"
    return addresses


class Fleet:
    """Asks all services at once; each has two seconds to answer."""

    def __init__(self, addresses: dict[str, str], client: httpx.AsyncClient) -> None:
        self._addresses = addresses
        self._client = client

    async def states(self) -> list[ServiceState]:
        """Every service with its state, in the order in which they were given."""
        return list(
            await asyncio.gather(*map(self._ask, self._addresses, self._addresses.values()))
        )

    async def _ask(self, service: str, address: str) -> ServiceState:
        asked = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._client.get(address)
        except TimeoutError:
            reason = f"no answer within {TIMEOUT_S} s"
            return ServiceState(service=service, state=State.UNREACHABLE, reason=reason)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            return ServiceState(service=service, state=State.UNREACHABLE, reason=reason)
        health = _read(answer)
        return ServiceState(
            service=service,
            state=State.HEALTHY if answer.is_success else State.UNHEALTHY,
            latency_ms=round((time.perf_counter() - asked) * 1e3, 3),
            release=str(health["release"]) if "release" in health else None,
            reason=None if answer.is_success else _reason(answer.status_code, health),
        )


def of_backend(health: Health) -> list[ServiceState]:
    """The backend itself and the stores that it asked for its own health."""
    states = [
        ServiceState(
            service=health.service,
            state=State.HEALTHY if health.status == "healthy" else State.UNHEALTHY,
            latency_ms=0.0,
            release=health.release,
            reason="; ".join(health.reasons) or None,
        )
    ]
    for name, store in health.dependencies.items():
        state = State.HEALTHY if store.ok else State.UNREACHABLE
        states.append(
            ServiceState(service=name, state=state, latency_ms=store.latency_ms, reason=store.error)
        )
    return states


def _read(answer: httpx.Response) -> dict[str, object]:
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _reason(status: int, health: dict[str, object]) -> str:
    reasons = health.get("reasons")
    said = "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""
    return f"HTTP {status}: {said}" if said else f"HTTP {status}"
