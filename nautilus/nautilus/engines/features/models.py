"""What the features engine takes and gives."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from nautilus.frame.fields import Symbol
from nautilus.frame.refusal import misfit
from nautilus.market.series import MAX_BARS, Bars, Columns, Parameters

MAX_INSTRUMENTS = 2_000


class Selection(BaseModel):
    """Which features to compute, and how many of the last bars to answer with."""

    features: list[str] | None = None
    """Names from /features/available; all when left out."""
    parameters: Parameters = Parameters()
    last: Annotated[int, Field(ge=1)] | None = None
    """Answer with so many of the last bars; all when left out."""


class TechnicalRequest(Selection):
    """One instrument's bars."""

    bars: Bars


class BatchRequest(Selection):
    """Many instruments' bars."""

    instruments: Annotated[dict[Symbol, Bars], Field(min_length=1, max_length=MAX_INSTRUMENTS)]

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if sum(len(bars.close) for bars in self.instruments.values()) > 20 * MAX_BARS:
            raise misfit("instruments", f"at most {20 * MAX_BARS} bars in one batch")
        return self


class TechnicalResult(BaseModel):
    """One instrument's features."""

    symbol: Symbol
    features: Columns


class BatchResult(BaseModel):
    """Each instrument's features."""

    instruments: dict[Symbol, Columns]
