"""Limits and breaches in Redis, with the limits at hand in each worker's memory."""

import asyncio
from datetime import UTC, datetime

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.risk.limits import Limits
from nautilus.frame.relay import publish
from nautilus.frame.streams import latest
from nautilus.frame.topics import BREACHES
from nautilus.market.flow import Breach

LIMITS = "nautilus:risk:limits"
LIMITS_CHANGED = "nautilus:risk:limits:changed"

BREACHED = "nautilus:risk:breached"

ACTIVE_S = 3600


class LimitBook:
    """Every portfolio's limits: a check reads them from memory, a change goes through Redis."""

    def __init__(self) -> None:
        self._limits: dict[str, Limits] = {}
        self.loaded = asyncio.Event()

    def __len__(self) -> int:
        return len(self._limits)

    def get(self, portfolio: str) -> Limits | None:
        """A portfolio's limits, None where it has none."""
        return self._limits.get(portfolio)

    def all(self) -> list[Limits]:
        """Every portfolio's limits, by name."""
        return [self._limits[name] for name in sorted(self._limits)]

    async def put(self, redis: Redis, limits: Limits) -> None:
        """Set a portfolio's limits, here and in every other worker."""
        async with redis.pipeline(transaction=True) as change:
            change.hset(LIMITS, limits.portfolio, limits.model_dump_json())
            change.publish(LIMITS_CHANGED, limits.portfolio)
            await change.execute()
        self._limits[limits.portfolio] = limits

    async def follow(self, redis: Redis) -> None:
        """Load all limits, then take over each change; ends only by an error."""
        async with redis.pubsub() as changes:
            await changes.subscribe(LIMITS_CHANGED)
            # Loaded after subscribing: no change can fall between the two.
            stored = await redis.hgetall(LIMITS)
            found = [Limits.model_validate_json(value) for value in stored.values()]
            self._limits = {limits.portfolio: limits for limits in found}
            self.loaded.set()
            while True:
                message = await changes.get_message(ignore_subscribe_messages=True, timeout=None)
                if message is not None:
                    await self._reload(redis, message["data"])

    async def _reload(self, redis: Redis, portfolio: str) -> None:
        stored = await redis.hget(LIMITS, portfolio)
        if stored is None:
            self._limits.pop(portfolio, None)
        else:
            self._limits[portfolio] = Limits.model_validate_json(stored)


def record_breach(commit: Pipeline, breach: Breach) -> None:
    """Append a refused order to the stream of breaches."""
    publish(commit, breach)
    commit.zadd(BREACHED, {breach.portfolio: breach.at.timestamp()})


async def latest_breaches(redis: Redis, count: int) -> list[Breach]:
    """The last breaches, the newest first."""
    found = await latest(redis, BREACHES, Breach, count)
    return [breach.model_copy(update={"id": key}) for key, breach in found]


async def portfolios_in_breach(redis: Redis) -> int:
    """Portfolios with an order refused within the last hour."""
    since = datetime.now(UTC).timestamp() - ACTIVE_S
    return int(await redis.zcount(BREACHED, since, "+inf"))
