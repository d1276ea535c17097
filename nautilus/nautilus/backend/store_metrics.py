"""What Postgres and Redis say of themselves, for Prometheus.

The names are those of postgres_exporter and redis_exporter, so what is written for these fits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, UnknownMetricFamily
from starlette.responses import Response

from nautilus.frame.router import Router
from nautilus.frame.stores import NOT_PREPARED, STORE_AWAY, Stores

TIMEOUT_S = 2.0

# Each column is named as its metric; what is of the whole server carries the database's name too.
POSTGRES = """
SELECT datname,
    pg_database_size(datid) AS pg_database_size_bytes,
    current_setting('max_connections')::int AS pg_settings_max_connections,
    extract(epoch FROM pg_postmaster_start_time())::float8 AS pg_postmaster_start_time_seconds,
    numbackends AS pg_stat_database_numbackends,
    xact_commit AS pg_stat_database_xact_commit,
    xact_rollback AS pg_stat_database_xact_rollback,
    blks_read AS pg_stat_database_blks_read,
    blks_hit AS pg_stat_database_blks_hit,
    tup_fetched AS pg_stat_database_tup_fetched,
    tup_inserted AS pg_stat_database_tup_inserted,
    tup_updated AS pg_stat_database_tup_updated,
    tup_deleted AS pg_stat_database_tup_deleted,
    temp_bytes AS pg_stat_database_temp_bytes,
    deadlocks AS pg_stat_database_deadlocks
FROM pg_stat_database WHERE datname = current_database()
"""
# Field of INFO → metric.
REDIS = {
    "uptime_in_seconds": "redis_uptime_in_seconds",
    "connected_clients": "redis_connected_clients",
    "blocked_clients": "redis_blocked_clients",
    "used_memory": "redis_memory_used_bytes",
    "maxmemory": "redis_memory_max_bytes",
    "total_commands_processed": "redis_commands_processed_total",
    "rejected_connections": "redis_rejected_connections_total",
    "keyspace_hits": "redis_keyspace_hits_total",
    "keyspace_misses": "redis_keyspace_misses_total",
    "evicted_keys": "redis_evicted_keys_total",
    "expired_keys": "redis_expired_keys_total",
}


class StoreMetrics:
    """Asks both stores at once; one that is away has `pg_up` or `redis_up` 0 and no more."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    def routes(self) -> Router:
        """`/metrics/stores`."""
        router = Router(tags=["frame"])
        router.get("/metrics/stores", response_class=Response)(self.exposition)
        return router

    async def exposition(self) -> Response:
        """Postgres' and Redis' figures in Prometheus' text format."""
        kinds = {"postgres": ("pg_up", self._postgres), "redis": ("redis_up", self._redis)}
        asked = [kinds[store] for store in self._stores.needed]
        found = await asyncio.gather(*(_asked(up, ask) for up, ask in asked))
        registry = CollectorRegistry()
        registry.register(_Families([family for families in found for family in families]))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def _postgres(self) -> list[Metric]:
        figures: list[Metric] = []
        for row in map(dict, await self._stores.postgres.fetch(POSTGRES)):
            labels = {"datname": row.pop("datname")}
            figures += [_figure(name, value, labels) for name, value in row.items()]
        return figures

    async def _redis(self) -> list[Metric]:
        said: Mapping[str, Any] = await self._stores.redis.info()
        return [_figure(name, said[field], {}) for field, name in REDIS.items()]


async def _asked(up: str, ask: Callable[[], Awaitable[list[Metric]]]) -> list[Metric]:
    figures: list[Metric] = []
    answers = 1
    try:
        async with asyncio.timeout(TIMEOUT_S):
            figures = await ask()
    except (*STORE_AWAY, *NOT_PREPARED):
        answers = 0
    return [GaugeMetricFamily(up, "whether the store answers", answers), *figures]


def _figure(name: str, value: float, labels: dict[str, str]) -> Metric:
    # A counter's name would have to end in _total in this format, which some of these don't.
    family = UnknownMetricFamily(name, "as the store's exporter has it")
    family.add_sample(name, labels, value)
    return family


class _Families:
    """Metrics that were read before they are asked for, since a store is asked asynchronously."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families
