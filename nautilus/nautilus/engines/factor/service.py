"""The factor engine: what moves a universe, and how much of it each instrument carries."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import JsonValue
from typing_extensions import override

from nautilus.engines.factor import flow
from nautilus.engines.factor.correlations import correlations
from nautilus.engines.factor.definitions import DEFINITIONS
from nautilus.engines.factor.exposures import instrument_factors, universe_factors
from nautilus.engines.factor.models import (
    CalculateRequest,
    CorrelationRequest,
    Correlations,
    Definition,
    InstrumentFactors,
    Regression,
    RegressionRequest,
    RiskModel,
    RiskModelRequest,
    UniverseFactors,
    UniverseRequest,
)
from nautilus.engines.factor.regression import NoRegressionError, regression
from nautilus.engines.factor.risk_model import NoVarianceError, risk_model
from nautilus.frame.fields import Symbol
from nautilus.frame.refusal import unfit
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings

RATE_WINDOW_S = 60.0

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Factor(Service):
    """Cross-sectional factors, exposures and risk models over a universe."""

    name = "factor"
    counts = ("factors_calculated",)
    gauges = ("queue_size",)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._samples = deque([(time.monotonic(), 0)])

    @override
    def routes(self) -> Router:
        router = Router(prefix="/factors", tags=["factor"])
        router.get("/definitions")(self.definitions)
        router.post("/calculate/{symbol}")(self.calculate)
        router.post("/universe")(self.universe)
        router.post("/correlations")(self.correlations)
        router.post("/risk-model")(self.risk_model)
        router.post("/regression")(self.regression)
        return router

    @override
    async def start(self) -> None:
        if self.leads and "redis" in self.stores.needed:
            self.background.start("flow", lambda: flow.follow(self.stores.redis, self.universe))

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        return {
            "calculation_rate": self._calculation_rate(),
            "factor_definitions_loaded": len(DEFINITIONS),
        }

    async def definitions(self) -> list[Definition]:
        """Every factor and what it needs."""
        return [
            Definition(name=name, description=factor.description, needs=list(factor.needs))
            for name, factor in DEFINITIONS.items()
        ]

    async def calculate(self, symbol: Symbol, request: CalculateRequest) -> InstrumentFactors:
        """One instrument's factors, and its exposures within a universe if one is given."""
        answer = await self._compute(lambda one: instrument_factors(symbol, one), request)
        self._count(list(answer.values.values()))
        return answer

    async def universe(self, request: UniverseRequest) -> UniverseFactors:
        """All instruments' factors and exposures at the last bar."""
        answer = await self._compute(universe_factors, request)
        self._count(*answer.values.values())
        return answer

    async def correlations(self, request: CorrelationRequest) -> Correlations:
        """How alike series are, such as factors' exposures."""
        return await self._compute(correlations, request)

    async def risk_model(self, request: RiskModelRequest) -> RiskModel:
        """Statistical factors, their covariance, and each instrument's specific risk."""
        try:
            return await self._compute(risk_model, request)
        except NoVarianceError as error:
            raise unfit("returns", error) from error

    async def regression(self, request: RegressionRequest) -> Regression:
        """What each factor earned, period by period."""
        try:
            answer = await self._compute(regression, request)
        except NoRegressionError as error:
            raise unfit("instruments", error) from error
        self._count(*(factor.returns for factor in answer.factors.values()))
        return answer

    async def _compute(self, work: Callable[[Request], Answer], request: Request) -> Answer:
        self.shared.add("queue_size")
        try:
            return await self.compute.run(work, request)
        finally:
            self.shared.add("queue_size", -1)

    def _count(self, *rows: list[float] | list[float | None]) -> None:
        calculated = sum(value is not None for row in rows for value in row)
        self.shared.add("factors_calculated", calculated)

    def _calculation_rate(self) -> float:
        """Factors a second of all workers, since the last minute or the last time it was asked."""
        now, total = time.monotonic(), self.shared.total("factors_calculated")
        while len(self._samples) > 1 and now - self._samples[1][0] >= RATE_WINDOW_S:
            self._samples.popleft()
        since, before = self._samples[0]
        self._samples.append((now, total))
        return round((total - before) / max(now - since, 1e-9), 3)
