"""What the backend tells Prometheus of real stores, and of stores that are away."""

from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from tests.nautilus.servers import free_port

Start = Callable[..., TestClient]
Samples = dict[str, tuple[float, dict[str, str]]]


def scrape(client: TestClient) -> Samples:
    answer = client.get("/metrics/stores")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {it.name: (it.value, it.labels) for family in families for it in family.samples}


def test_both_stores_figures_are_theirs(
    start: Start,
    redis_settings: dict[str, Any],
    postgres_settings: dict[str, Any],
    redis_client: Redis,
) -> None:
    client = start("backend", **redis_settings, **postgres_settings)
    before = scrape(client)
    for _ in range(40):
        redis_client.ping()
    after = scrape(client)
    assert after["pg_up"] == after["redis_up"] == (1, {})
    assert after["pg_stat_database_numbackends"][0] >= 1
    assert after["pg_stat_database_numbackends"][1] == {"datname": "postgres"}
    assert after["pg_settings_max_connections"][0] > 10
    assert after["pg_database_size_bytes"][0] > 1e6
    assert after["redis_memory_used_bytes"][0] > 100_000
    commands = "redis_commands_processed_total"
    assert after[commands][0] - before[commands][0] >= 40


def test_a_store_that_is_away_is_down_and_the_other_still_told(
    start: Start, redis_settings: dict[str, Any]
) -> None:
    nowhere = f"postgresql://nautilus@127.0.0.1:{free_port()}/postgres"
    found = scrape(start("backend", database_url=nowhere, **redis_settings))
    assert found["pg_up"] == (0, {})
    assert found["redis_up"] == (1, {})
    assert not [name for name in found if name.startswith("pg_") and name != "pg_up"]
