"""What /health says, with stores that live, die and come back."""

import runpy
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from fastapi.testclient import TestClient
from nautilus.catalogue import SERVICES
from nautilus.frame.service import Service
from pydantic import JsonValue
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

from tests.nautilus.servers import PostgresServer, RedisServer, eventually

Start = Callable[..., TestClient]
ENGINE_FIELDS = {
    "analytics": {"processed_count", "engine_version", "data_sources"},
    "risk": {"risk_checks_processed", "breaches_detected"},
    "factor": {
        "factors_calculated",
        "calculation_rate",
        "queue_size",
        "factor_definitions_loaded",
    },
    "ml": {"predictions_made", "models_loaded"},
    "features": {"features_calculated", "feature_sets_processed"},
    "websocket": {"messages_sent"},
    "strategy": {"strategies_deployed", "tests_completed"},
    "marketdata": {"messages_processed", "data_points_stored"},
    "portfolio": {"optimizations_completed", "rebalances_executed"},
    "backend": {"environment"},
}
STACK = runpy.run_path(str(Path(__file__).parents[2] / "group_data/all.py"))["stack"]
NEEDS = [
    (service, store)
    for service in sorted(SERVICES)
    for store in ("redis", "postgres")
    if store in STACK["services"][service]["needs"]
]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_says_what_its_clients_know(
    start: Start, redis_settings: dict[str, Any], service: str
) -> None:
    answer = start(service, nautilus_release="0123456789ab", **redis_settings).get("/health")
    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["status"], body["service"]) == ("healthy", service)
    assert body["release"] == "0123456789ab"
    assert body["messagebus_connected"] is True
    assert body["uptime_seconds"] >= 0
    assert list(body["dependencies"]) == ["redis"]
    assert 0 < body["dependencies"]["redis"]["latency_ms"] < 1000
    assert ENGINE_FIELDS[service] <= body.keys()


def test_a_service_that_needs_no_store_is_healthy_without_one(start: Start) -> None:
    body = start("analytics").get("/health").json()
    assert body["status"] == "healthy"
    assert body["dependencies"] == {}
    assert body["messagebus_connected"] is False


@pytest.mark.parametrize(("service", "store"), NEEDS)
def test_a_dead_store_is_unhealthy_and_its_return_is_noticed(
    start: Start,
    redis_settings: dict[str, Any],
    postgres_settings: dict[str, Any],
    redis_process: RedisServer,
    postgres_process: PostgresServer,
    service: str,
    store: str,
) -> None:
    server = {"redis": redis_process, "postgres": postgres_process}[store]
    settings = {"redis": redis_settings, "postgres": postgres_settings}
    needed = [settings[need] for one, need in NEEDS if one == service]
    client = start(service, **{key: value for each in needed for key, value in each.items()})
    eventually(lambda: client.get("/health").status_code == 200)
    server.stop()
    try:
        eventually(lambda: client.get("/health").status_code == 503, within_s=3)
        body = client.get("/health").json()
        assert body["status"] == "unhealthy"
        assert [reason.split(":")[0] for reason in body["reasons"]] == [store]
        assert body["messagebus_connected"] is (store != "redis")
        assert body["dependencies"][store]["ok"] is False
    finally:
        server.start()
    eventually(lambda: client.get("/health").status_code == 200, within_s=5)
    # What works beside the requests has waited, and goes on.
    eventually(lambda: set(client.get("/health").json()["background"].values()) <= {"running"})


def test_a_service_starts_while_its_stores_are_away(start: Start) -> None:
    nowhere = {
        "redis_host": "127.0.0.1",
        "redis_port": 1,
        "database_url": "postgresql://u@127.0.0.1:1/d",
    }
    body = start("risk", **nowhere).get("/health").json()
    assert body["status"] == "unhealthy"
    assert {reason.split(":")[0] for reason in body["reasons"]} == {"redis", "postgres"}


def test_a_store_that_does_not_answer_holds_health_up_for_less_than_a_second(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://u@127.0.0.1:{port}/d"
        client = start("risk", redis_host="127.0.0.1", redis_port=port, database_url=url)
        asked = time.monotonic()
        answer = client.get("/health")
        assert time.monotonic() - asked < 1.2
    assert answer.status_code == 503
    assert answer.json()["reasons"] == [
        "redis: no answer within 0.8 s",
        "postgres: no answer within 0.8 s",
    ]


def test_a_wrong_password_is_a_reason(start: Start, redis_process: RedisServer) -> None:
    client = start("risk", redis_host="127.0.0.1", redis_port=redis_process.port)
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["dependencies"]["redis"]["ok"] is False
    assert "authenticate" in answer.json()["reasons"][0]


class WithWork(Service):
    """A double: a service whose background work ends as the test wants."""

    name = "work"
    fault: Exception | None = None

    async def start(self) -> None:
        self.background.start("intake", self.intake)

    async def intake(self) -> None:
        if self.fault is not None:
            raise self.fault

    async def health(self) -> Mapping[str, JsonValue]:
        return {}


def with_fault(error: Exception | None) -> type[WithWork]:
    return type("WithFault", (WithWork,), {"fault": error})


@pytest.mark.parametrize("fault", [None, ValueError("bad row")])
def test_background_work_that_died_is_unhealthy_and_named(
    start: Start, fault: Exception | None
) -> None:
    client = start(with_fault(fault))
    eventually(lambda: client.get("/health").status_code == 503, within_s=3)
    (reason,) = client.get("/health").json()["reasons"]
    assert reason == ("intake died: it ended" if fault is None else f"intake died: {fault!r}")


@pytest.mark.parametrize(
    "fault",
    [
        RedisConnectionError("refused"),
        OutOfMemoryError("refused"),
        asyncpg.AdminShutdownError("refused"),
        asyncpg.CannotConnectNowError("refused"),
        asyncpg.DiskFullError("refused"),
    ],
)
def test_background_work_waits_for_a_store_that_is_away_or_full(
    start: Start, fault: Exception
) -> None:
    client = start(with_fault(fault))
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["background"] == {"intake": "waiting: refused"}


class Broken(Service):
    """A double: a service whose health cannot be asked because a store went away meanwhile."""

    name = "broken"

    async def health(self) -> Mapping[str, JsonValue]:
        raise RedisConnectionError("gone")


def test_health_fields_that_cannot_be_had_make_it_unhealthy(start: Start) -> None:
    answer = start(Broken).get("/health")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["health: gone"]


def test_metrics_name_the_route_and_the_counts(start: Start) -> None:
    client = start("risk")
    client.get("/health")
    client.get("/nowhere/1")
    text = client.get("/metrics").text
    assert 'nautilus_request_seconds_count{method="GET",route="/health",status="200"}' in text
    assert 'route="unknown",status="404"' in text
    assert 'nautilus_risk_checks_processed_total{service="risk"} 0.0' in text
