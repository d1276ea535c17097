"""The analytics engine: how well did it do, and why?"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

from fastapi import HTTPException, Query
from pydantic import BaseModel, JsonValue
from typing_extensions import override

from nautilus import __version__
from nautilus.engines.analytics.attribution import (
    Attribution,
    AttributionRequest,
    Turnover,
    TurnoverRequest,
    attribute,
    turnover,
)
from nautilus.engines.analytics.curve import EquityPoint, points
from nautilus.engines.analytics.flow import follow
from nautilus.engines.analytics.performance import Performance, TrackRecord, measure
from nautilus.frame.fields import Identifier, Symbol
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.market.bars import Bar, Interval, periods_per_year, stored_bars
from nautilus.market.batch import compute_features
from nautilus.market.indicators import DEFINITIONS
from nautilus.market.series import Bars, Columns, Parameters

Count = Annotated[int, Query(ge=3, le=50_000)]


class PortfolioPerformance(Performance):
    """A portfolio's figures."""

    portfolio: Identifier


class SymbolPerformance(Performance):
    """An instrument's figures over its stored bars; a year has 365 days of trading here."""

    symbol: Symbol
    interval: Interval
    last_price: float


class SymbolIndicators(BaseModel):
    """An instrument's technical features at its last bar."""

    symbol: Symbol
    interval: Interval
    features: Columns


class Analytics(Service):
    """Performance and attribution of a track record."""

    name = "analytics"
    counts = ("processed_count",)

    @override
    def routes(self) -> Router:
        router = Router(prefix="/analytics", tags=["analytics"])
        router.post("/performance/{portfolio}")(self.performance)
        router.post("/attribution")(self.attribution)
        router.post("/turnover")(self.turnover)
        router.get("/symbol/{symbol}")(self.symbol)
        router.get("/equity/{portfolio}")(self.equity)
        router.get("/technical-indicators/{symbol}")(self.indicators)
        return router

    @override
    async def start(self) -> None:
        if self.leads and set(self.stores.needed) == {"redis", "postgres"}:
            self.background.start(
                "flow", lambda: follow(self.stores.redis, self.stores.postgres, self._measure)
            )

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        return {"engine_version": __version__, "data_sources": list(self.stores.needed)}

    async def performance(self, portfolio: Identifier, record: TrackRecord) -> PortfolioPerformance:
        """A track record's figures."""
        figures = await self._measure(record)
        return PortfolioPerformance(portfolio=portfolio, **dict(figures))

    async def attribution(self, request: AttributionRequest) -> Attribution:
        """Where the difference from the benchmark came from."""
        self.shared.add("processed_count")
        return attribute(request)

    async def turnover(self, request: TurnoverRequest) -> Turnover:
        """How much was traded."""
        answer = await self.compute.run(turnover, request)
        self.shared.add("processed_count")
        return answer

    async def symbol(
        self, symbol: Symbol, interval: Interval = Interval.M1, bars: Count = 500
    ) -> SymbolPerformance:
        """An instrument's figures over its last bars, from close to close."""
        closes = [bar.close for bar in await self._bars(symbol, interval, bars)]
        record = TrackRecord(
            returns=[after / before - 1 for before, after in pairwise(closes)],
            periods_per_year=periods_per_year(interval),
        )
        figures = await self._measure(record)
        return SymbolPerformance(
            symbol=symbol, interval=interval, last_price=closes[-1], **dict(figures)
        )

    async def indicators(
        self, symbol: Symbol, interval: Interval = Interval.M1, bars: Count = 500
    ) -> SymbolIndicators:
        """An instrument's technical features at its last bar."""
        found = await self._bars(symbol, interval, bars)
        columns = Bars(
            high=[bar.high for bar in found],
            low=[bar.low for bar in found],
            close=[bar.close for bar in found],
        )
        computed = await self.compute.run(
            compute_features, {symbol: columns}, list(DEFINITIONS), Parameters(), last=1
        )
        self.shared.add("processed_count")
        return SymbolIndicators(symbol=symbol, interval=interval, features=computed[symbol])

    async def equity(
        self, portfolio: Identifier, count: Annotated[int, Query(ge=1, le=50_000)] = 3_600
    ) -> list[EquityPoint]:
        """An open portfolio's equity by second, the last points, oldest first."""
        return await points(self.stores.postgres, portfolio, count)

    async def _measure(self, record: TrackRecord) -> Performance:
        figures = await self.compute.run(measure, record)
        self.shared.add("processed_count")
        return figures

    async def _bars(self, symbol: str, interval: Interval, count: int) -> list[Bar]:
        found = await stored_bars(self.stores.postgres, symbol, interval, None, None, count)
        if len(found) < 3:
            raise HTTPException(404, f"{symbol} has {len(found)} bars of {interval}, 3 are needed")
        return found
