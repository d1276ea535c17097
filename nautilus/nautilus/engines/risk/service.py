"""The risk engine: may this order pass, and what could the portfolio lose?"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import HTTPException, Query
from pydantic import JsonValue
from typing_extensions import override

from nautilus.engines.risk.book import (
    LimitBook,
    latest_breaches,
    portfolios_in_breach,
    record_breach,
)
from nautilus.engines.risk.flow import follow
from nautilus.engines.risk.limits import (
    CheckRequest,
    CheckResult,
    EquityRequiredError,
    Limits,
    find_excesses,
)
from nautilus.engines.risk.value_at_risk import VarRequest, VarResult, value_at_risk
from nautilus.frame.fields import Identifier
from nautilus.frame.refusal import unfit
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings
from nautilus.market.flow import Breach


class Risk(Service):
    """Pre-trade limits, value at risk and breaches."""

    name = "risk"
    counts = ("risk_checks_processed", "breaches_detected")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._book = LimitBook()

    @override
    def routes(self) -> Router:
        router = Router(prefix="/risk", tags=["risk"])
        router.post("/check/{portfolio}")(self.check)
        router.get("/limits")(self.limits)
        router.post("/limits", status_code=201)(self.set_limits)
        router.get("/breaches")(self.breaches)
        router.post("/var")(self.var)
        return router

    @override
    async def start(self) -> None:
        if "redis" in self.stores.needed:
            self.background.start("limits", lambda: self._book.follow(self.stores.redis))
            if self.leads:
                self.background.start(
                    "flow", lambda: follow(self.stores.redis, self._book, self._count)
                )

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        in_breach = None
        if "redis" in self.stores.needed:
            in_breach = await portfolios_in_breach(self.stores.redis)
        return {"active_limits": len(self._book), "active_breaches": in_breach}

    async def check(self, portfolio: Identifier, request: CheckRequest) -> CheckResult:
        """May this order pass? One that may not is published as a breach."""
        if not self._book.loaded.is_set():
            raise HTTPException(503, "the limits are not loaded yet")
        limits = self._book.get(portfolio)
        # Without limits nothing is known to be safe.
        if limits is None:
            raise HTTPException(404, f"{portfolio} has no limits: set them first")
        try:
            excesses = find_excesses(limits, request)
        except EquityRequiredError as error:
            raise unfit("equity", error) from error
        self._count(bool(excesses))
        if excesses:
            breach = Breach(
                at=datetime.now(UTC), portfolio=portfolio, order=request.order, excesses=excesses
            )
            async with self.stores.redis.pipeline(transaction=True) as commit:
                record_breach(commit, breach)
                await commit.execute()
        return CheckResult(portfolio=portfolio, allowed=not excesses, excesses=excesses)

    def _count(self, refused: bool) -> None:
        self.shared.add("risk_checks_processed")
        if refused:
            self.shared.add("breaches_detected")

    async def limits(self) -> list[Limits]:
        """Every portfolio's limits."""
        return self._book.all()

    async def set_limits(self, limits: Limits) -> Limits:
        """Set a portfolio's limits; they bind in every worker."""
        await self._book.put(self.stores.redis, limits)
        return limits

    async def breaches(self, count: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Breach]:
        """The last orders that were refused, the newest first."""
        return await latest_breaches(self.stores.redis, count)

    async def var(self, request: VarRequest) -> VarResult:
        """Value at risk and expected shortfall."""
        return await self.compute.run(value_at_risk, request)
