"""What the factor engine takes and gives."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field, FiniteFloat, model_validator

from nautilus.engines.factor.definitions import FactorName
from nautilus.engines.factor.universe import Instrument, Universe, Windows
from nautilus.frame.fields import Symbol

MAX_CELLS = 2_000_000

Factors = Annotated[list[FactorName], Field(min_length=1)]
Matrix = list[list[float]]
Return = Annotated[FiniteFloat, Field(gt=-1, le=1e3)]
Weight = Annotated[FiniteFloat, Field(ge=-1e3, le=1e3)]


class Definition(BaseModel):
    """A factor that can be asked for, and the columns of an instrument that it needs."""

    name: FactorName
    description: str
    needs: list[str]


class CalculateRequest(BaseModel):
    """One instrument, and the others that its exposures are measured against."""

    instrument: Instrument
    universe: dict[Symbol, Instrument] = {}
    factors: Factors | None = None
    """All when left out."""
    windows: Windows = Windows()
    winsor_quantile: Annotated[FiniteFloat, Field(ge=0, lt=0.5)] = 0.025


class InstrumentFactors(BaseModel):
    """An instrument's factors at its last bar; null where its bars or columns do not suffice."""

    symbol: Symbol
    values: dict[FactorName, float | None]
    exposures: dict[FactorName, float | None]
    """Winsorised z-scores within the universe, this instrument included."""


class UniverseRequest(Universe):
    """A universe, and which factors to compute."""

    factors: Factors | None = None
    """All when left out."""


class UniverseFactors(BaseModel):
    """Each instrument's factors and exposures at the last bar."""

    factors: list[FactorName]
    values: dict[Symbol, list[float | None]]
    exposures: dict[Symbol, list[float | None]]


class CorrelationMethod(StrEnum):
    """What is correlated: the values, or their ranks."""

    PEARSON = "pearson"
    SPEARMAN = "spearman"


class CorrelationRequest(BaseModel):
    """Series of equal length, such as factors' exposures or their returns."""

    series: Annotated[
        dict[
            Symbol,
            Annotated[list[Annotated[FiniteFloat, Field(ge=-1e12, le=1e12)]], Field(min_length=2)],
        ],
        Field(min_length=2, max_length=500),
    ]
    method: CorrelationMethod = CorrelationMethod.PEARSON

    @model_validator(mode="after")
    def _even(self) -> Self:
        _check_even("series", self.series)
        return self


class Correlations(BaseModel):
    """A symmetric matrix; null where a series never varies."""

    names: list[Symbol]
    matrix: list[list[float | None]]


class RiskModelRequest(BaseModel):
    """Returns of all instruments over the same periods, and how many factors explain them."""

    returns: Annotated[
        dict[Symbol, Annotated[list[Return], Field(min_length=3)]],
        Field(min_length=2, max_length=2_000),
    ]
    components: Annotated[int, Field(ge=1, le=100)] | None = None
    """As many as `explained` takes when left out."""
    explained: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.8
    """Share of the variance that the factors should explain at least."""
    weights: dict[Symbol, Weight] | None = None
    """A portfolio whose variance to split."""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        _check_even("returns", self.returns)
        unknown = (self.weights or {}).keys() - self.returns.keys()
        if unknown:
            raise ValueError(f"weights: no returns for {', '.join(sorted(unknown))}")
        return self


class PortfolioRisk(BaseModel):
    """A portfolio's variance of one period, and what of it comes from where."""

    variance: float
    factor_variance: float
    specific_variance: float


class RiskModel(BaseModel):
    """Covariance = loadings x factor covariance x loadings', plus the specific variances."""

    components: int
    explained: list[float]
    """Each factor's share of the variance."""
    loadings: dict[Symbol, list[float]]
    factor_covariance: Matrix
    specific_variance: dict[Symbol, float]
    portfolio: PortfolioRisk | None = None


class Weighting(StrEnum):
    """How much each instrument counts: alike (OLS), or by its mean traded value (WLS)."""

    EQUAL = "equal"
    TRADED_VALUE = "traded_value"


class RegressionRequest(UniverseRequest):
    """Regress each period's returns on the exposures before it, across the universe."""

    periods: Annotated[int, Field(ge=1, le=2_000)] = 60
    """The last ones that the bars allow."""
    weighting: Weighting = Weighting.EQUAL


class FactorReturn(BaseModel):
    """What one unit of exposure earned; the t value is Fama and MacBeth's, over the periods."""

    mean: float
    deviation: float | None
    t_value: float | None
    returns: list[float]
    t_values: list[float | None]


class Regression(BaseModel):
    """Factor returns, oldest period first; `market` is the intercept."""

    factors: dict[str, FactorReturn]
    r_squared: list[float | None]
    observations: list[int]
    factor_covariance: Matrix | None
    """In the order of `factors`."""
    specific_variance: dict[Symbol, float | None]


def _check_even(field: str, columns: dict[str, list[float]]) -> None:
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"{field}: all need the same length")
    if len(columns) * lengths.pop() > MAX_CELLS:
        raise ValueError(f"{field}: at most {MAX_CELLS} numbers")
