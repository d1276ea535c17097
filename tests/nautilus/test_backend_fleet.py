"""What the backend says of the others."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from nautilus.backend.fleet import Fleet, State, parse_services

from tests.nautilus.servers import free_port


def test_addresses_get_their_health_path_unless_they_name_one() -> None:
    assert parse_services(" risk=http://risk:8200, grafana=http://grafana:3000/api/health,") == {
        "risk": "http://risk:8200/health",
        "grafana": "http://grafana:3000/api/health",
    }


@pytest.mark.parametrize(
    "text", ["risk", "risk=", "=http://risk", "risk=risk:8200", "risk=ftp://a"]
)
def test_an_entry_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SERVICES"):
        parse_services(text)


def double_of_a_network(request: httpx.Request) -> httpx.Response:
    match request.url.host:
        case "well":
            return httpx.Response(200, json={"release": "0123456789ab"})
        case "ill":
            return httpx.Response(503, json={"release": "abc", "reasons": ["redis: refused"]})
        case "page":
            return httpx.Response(200, html="<h1>hello</h1>")
        case "liar":
            return httpx.Response(200, text="{", headers={"content-type": "application/json"})
    raise httpx.ConnectError("refused")


def test_each_kind_of_answer_has_its_state() -> None:
    async def ask() -> dict[str, tuple[Any, ...]]:
        hosts = ["well", "ill", "page", "liar", "gone"]
        async with httpx.AsyncClient(transport=httpx.MockTransport(double_of_a_network)) as client:
            states = await Fleet({h: f"http://{h}/health" for h in hosts}, client).states()
        return {s.service: (s.state, s.release, s.reason) for s in states}

    assert asyncio.run(ask()) == {
        "well": (State.HEALTHY, "0123456789ab", None),
        "ill": (State.UNHEALTHY, "abc", "HTTP 503: redis: refused"),
        "page": (State.HEALTHY, None, None),
        "liar": (State.HEALTHY, None, None),
        "gone": (State.UNREACHABLE, None, "refused"),
    }


def test_the_backend_reports_itself_its_stores_and_the_others(
    start: Callable[..., TestClient], redis_settings: dict[str, Any]
) -> None:
    services = f"risk=http://127.0.0.1:{free_port()}"
    answer = start("backend", services=services, **redis_settings).get("/api/services")
    assert answer.status_code == 200
    states = {service["service"]: service["state"] for service in answer.json()}
    assert states == {"backend": "healthy", "redis": "healthy", "risk": "unreachable"}
