"""The portfolio engine's part in the data flow: orders and bars in, positions out."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime

import asyncpg
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.portfolio.accounts import (
    Account,
    accounts,
    is_filled,
    record_fill,
)
from nautilus.frame.relay import Source, publish, relay
from nautilus.market.bars import Bar
from nautilus.market.flow import FLOW_INTERVAL, POSITIONS_NOW, AllowedOrder, BarBatch, Positions

log = logging.getLogger(__name__)


class Ledger:
    """Every open account at its last prices; orders are filled in it once each."""

    def __init__(self, redis: Redis, pool: asyncpg.Pool) -> None:
        self._redis = redis
        self._pool = pool
        self._accounts: dict[str, Account] = {}
        self._bars: dict[str, datetime] = {}

    async def load(self) -> None:
        """Take over the accounts with their last prices, and tell Redis where it forgot them."""
        self._accounts = await accounts(self._pool)
        for name, account in self._accounts.items():
            known = await self._redis.hget(POSITIONS_NOW, name)
            if known is None:
                now = account.state("", datetime.now(UTC))
                await self._redis.hset(POSITIONS_NOW, name, now.model_dump_json())
                continue
            told = Positions.model_validate_json(known).positions
            for symbol in account.positions.keys() & told.keys():
                account.positions[symbol].price = told[symbol].price

    async def fill(self, key: str, order: AllowedOrder, commit: Pipeline) -> None:
        """Fill an order and tell; one that was filled before is told again only."""
        account = await self._account(order.portfolio)
        if account is None:
            log.warning("order %s is for %s, which is not open", order.id, order.portfolio)
            return
        if not await is_filled(self._pool, order.id):
            account.fill(key, order)
            await record_fill(self._pool, account, order)
        tell(commit, account.state(order.origin, order.at, (order.id,)))

    async def mark(self, _: str, batch: BarBatch, commit: Pipeline) -> None:
        """Take new prices; an account is told once a bar, when one of its instruments begins it."""
        prices, begun = self._newest(b for b in batch.bars if b.interval is FLOW_INTERVAL)
        for account in self._accounts.values():
            for symbol in account.positions.keys() & prices.keys():
                account.positions[symbol].price = prices[symbol]
            if account.positions.keys() & begun:
                tell(commit, account.state(batch.origin, batch.at))

    def _newest(self, bars: Iterable[Bar]) -> tuple[dict[str, float], set[str]]:
        prices, begun = {}, set()
        for bar in sorted(bars, key=lambda bar: bar.at):
            former = self._bars.get(bar.symbol)
            # An older bar that changed says nothing about the price now.
            if former is None or bar.at >= former:
                prices[bar.symbol] = bar.close
                if bar.at != former:
                    begun.add(bar.symbol)
                self._bars[bar.symbol] = bar.at
        return prices, begun

    async def _account(self, portfolio: str) -> Account | None:
        if portfolio not in self._accounts:
            # Opened since, perhaps through another worker.
            self._accounts |= await accounts(self._pool, portfolio)
        return self._accounts.get(portfolio)


def tell(commit: Pipeline, positions: Positions) -> None:
    """Publish an account's state, and keep it where a check finds it."""
    publish(commit, positions)
    commit.hset(POSITIONS_NOW, positions.portfolio, positions.model_dump_json())


async def follow(redis: Redis, pool: asyncpg.Pool) -> None:
    """Fill orders and follow prices; ends only by an error."""
    ledger = Ledger(redis, pool)
    await ledger.load()
    await relay(
        redis, "portfolio", Source(AllowedOrder, ledger.fill), Source(BarBatch, ledger.mark)
    )
