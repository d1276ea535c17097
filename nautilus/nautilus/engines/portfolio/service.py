"""The portfolio engine: what to hold, what it could become, what to trade for it."""

from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import HTTPException
from pydantic import JsonValue
from typing_extensions import override

from nautilus.engines.portfolio.accounts import AccountExistsError, open_account
from nautilus.engines.portfolio.flow import follow, tell
from nautilus.engines.portfolio.frontier import Frontier, FrontierRequest, efficient_frontier
from nautilus.engines.portfolio.models import (
    OpenRequest,
    Optimized,
    OptimizeRequest,
    Outcomes,
    OutcomesRequest,
    Rebalance,
    RebalanceRequest,
)
from nautilus.engines.portfolio.optimize import NoPortfolioError
from nautilus.engines.portfolio.outcomes import MissingPriceError, optimize, rebalance, simulate
from nautilus.frame.fields import Identifier
from nautilus.frame.refusal import unfit
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.market.flow import POSITIONS_NOW, Positions

TARGETS = "nautilus:portfolio:targets"


class Portfolio(Service):
    """Optimized portfolios and their possible outcomes."""

    name = "portfolio"
    counts = ("optimizations_completed", "rebalances_executed")

    @override
    def routes(self) -> Router:
        router = Router(prefix="/portfolios", tags=["portfolio"])
        router.get("")(self.portfolios)
        router.post("/outcomes")(self.outcomes)
        router.post("/frontier")(self.frontier)
        router.post("/{portfolio}/open", status_code=201)(self.open)
        router.get("/{portfolio}/positions")(self.positions)
        router.post("/{portfolio}/optimize")(self.optimize)
        router.post("/{portfolio}/rebalance")(self.rebalance)
        return router

    @override
    async def start(self) -> None:
        if self.leads and set(self.stores.needed) == {"redis", "postgres"}:
            self.background.start("flow", lambda: follow(self.stores.redis, self.stores.postgres))

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        managed = None
        if "redis" in self.stores.needed:
            managed = int(await self.stores.redis.hlen(TARGETS))
        return {"portfolios_managed": managed}

    async def portfolios(self) -> list[Optimized]:
        """Every portfolio with its target weights, by name."""
        stored = await self.stores.redis.hgetall(TARGETS)
        return [Optimized.model_validate_json(stored[name]) for name in sorted(stored)]

    async def open(self, portfolio: Identifier, request: OpenRequest) -> Positions:
        """Give a new portfolio its cash; from then on its orders are filled, on paper."""
        try:
            account = await open_account(self.stores.postgres, portfolio, request.cash)
        except AccountExistsError as error:
            raise HTTPException(409, str(error)) from error
        state = account.state("", datetime.now(UTC))
        async with self.stores.redis.pipeline(transaction=True) as commit:
            tell(commit, state)
            await commit.execute()
        return state

    async def positions(self, portfolio: Identifier) -> Positions:
        """What an open portfolio holds, at its last prices."""
        stored = await self.stores.redis.hget(POSITIONS_NOW, portfolio)
        if stored is None:
            raise HTTPException(404, f"{portfolio} is not open")
        return Positions.model_validate_json(stored)

    async def optimize(self, portfolio: Identifier, request: OptimizeRequest) -> Optimized:
        """Find the best weights and keep them as the portfolio's target."""
        try:
            optimized = await self.compute.run(optimize, portfolio, request)
        except NoPortfolioError as error:
            raise unfit("returns", error) from error
        await self.stores.redis.hset(TARGETS, portfolio, optimized.model_dump_json())
        self.shared.add("optimizations_completed")
        return optimized

    async def rebalance(self, portfolio: Identifier, request: RebalanceRequest) -> Rebalance:
        """The trades that bring what is held to the portfolio's target."""
        stored = await self.stores.redis.hget(TARGETS, portfolio)
        if stored is None:
            raise HTTPException(404, f"{portfolio} has no target: optimize it first")
        target = Optimized.model_validate_json(stored)
        try:
            trades = rebalance(portfolio, target.weights, request)
        except MissingPriceError as error:
            raise unfit("prices", error) from error
        self.shared.add("rebalances_executed")
        return trades

    async def outcomes(self, request: OutcomesRequest) -> Outcomes:
        """What a portfolio could become, by drawing from its history."""
        try:
            return await self.compute.run(simulate, request)
        except OverflowError as error:
            raise unfit("returns", error) from error

    async def frontier(self, request: FrontierRequest) -> Frontier:
        """The least volatile portfolio for each return that can be had; nothing is kept."""
        try:
            return await self.compute.run(efficient_frontier, request)
        except NoPortfolioError as error:
            raise unfit("returns", error) from error
