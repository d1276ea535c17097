"""The features engine: technical features of one instrument or of many."""

from collections.abc import Mapping
from inspect import getdoc

from pydantic import BaseModel, JsonValue
from typing_extensions import override

from nautilus.engines.features.flow import follow
from nautilus.engines.features.models import (
    BatchRequest,
    BatchResult,
    Selection,
    TechnicalRequest,
    TechnicalResult,
)
from nautilus.frame.fields import Symbol
from nautilus.frame.refusal import unfit
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.market.bars import periods_per_year
from nautilus.market.batch import UnknownFeatureError, chosen, compute_features
from nautilus.market.flow import FLOW_INTERVAL
from nautilus.market.indicators import DEFINITIONS
from nautilus.market.series import Bars, Columns, Parameters


class Available(BaseModel):
    """A feature that can be asked for, and the columns that it gives."""

    name: str
    description: str
    columns: list[str]


AVAILABLE = [
    Available(
        name=name,
        description=getdoc(definition) or "",
        columns=list(definition(Parameters())),
    )
    for name, definition in DEFINITIONS.items()
]


class Features(Service):
    """Technical features over many instruments at once."""

    name = "features"
    counts = ("features_calculated", "feature_sets_processed")

    @override
    def routes(self) -> Router:
        router = Router(prefix="/features", tags=["features"])
        router.get("/available")(self.available)
        router.post("/technical/{symbol}")(self.technical)
        router.post("/batch")(self.batch)
        return router

    @override
    async def start(self) -> None:
        if self.leads and "redis" in self.stores.needed:
            selection = Selection(
                parameters=Parameters(periods_per_year=periods_per_year(FLOW_INTERVAL)), last=1
            )
            self.background.start(
                "flow",
                lambda: follow(self.stores.redis, lambda bars: self._compute(bars, selection)),
            )

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        return {"available_features": len(AVAILABLE)}

    async def available(self) -> list[Available]:
        """Every feature with its columns."""
        return AVAILABLE

    async def technical(self, symbol: Symbol, request: TechnicalRequest) -> TechnicalResult:
        """One instrument's features."""
        computed = await self._compute({symbol: request.bars}, request)
        return TechnicalResult(symbol=symbol, features=computed[symbol])

    async def batch(self, request: BatchRequest) -> BatchResult:
        """Many instruments' features in one pass."""
        return BatchResult(instruments=await self._compute(request.instruments, request))

    async def _compute(
        self, instruments: Mapping[str, Bars], selection: Selection
    ) -> dict[str, Columns]:
        try:
            names = chosen(selection.features)
        except UnknownFeatureError as error:
            raise unfit("features", error) from error
        computed = await self.compute.run(
            compute_features, instruments, names, selection.parameters, selection.last
        )
        self.shared.add("feature_sets_processed", len(computed))
        self.shared.add("features_calculated", sum(map(len, computed.values())))
        return computed
