"""What the ml engine takes, gives and keeps."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from nautilus.engines.ml.inputs import Features, Price
from nautilus.frame.fields import Identifier, Symbol
from nautilus.market.flow import PRICE_MODEL
from nautilus.market.series import Bars, Parameters

MAX_TRAINING_BARS = 100_000


class Kind(StrEnum):
    """What a model predicts."""

    PRICE = PRICE_MODEL
    REGIME = "regime"
    VOLATILITY = "volatility"


class Algorithm(StrEnum):
    """How it learns: ridge and logistic regression, or gradient boosted trees."""

    LINEAR = "linear"
    BOOSTING = "boosting"


class Regime(StrEnum):
    """Where the price goes over the horizon, beyond 0.43 standard deviations or within."""

    FALLING = "falling"
    FLAT = "flat"
    RISING = "rising"


class TrainRequest(BaseModel):
    """What to train, and on what."""

    kind: Kind
    algorithm: Algorithm = Algorithm.LINEAR
    horizon_bars: Annotated[int, Field(ge=1, le=500)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    parameters: Parameters = Parameters()
    """Of the features, which are computed of the bars."""
    instruments: Annotated[dict[Symbol, Bars], Field(min_length=1, max_length=500)] | None = None
    """The bars to learn from; the data flow's last features when left out."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        bars = sum(len(bars.close) for bars in (self.instruments or {}).values())
        if bars > MAX_TRAINING_BARS:
            raise ValueError(f"instruments: at most {MAX_TRAINING_BARS} bars to train on")
        return self


class Trained(BaseModel):
    """What is known of a model when it has been trained."""

    kind: Kind
    algorithm: Algorithm
    horizon_bars: int
    inputs: list[str]
    target_scale: float
    """What the model's answer is multiplied by."""
    samples: int
    score: float | None
    """On the last fifth of the time, unseen: R squared, or the share of regimes it got right."""
    baseline: float | None
    """The same of the training part's mean, or of its most frequent regime."""
    conversion_error: float
    """The largest difference of its ONNX form's answers from scikit-learn's on the samples."""
    digest: str
    """SHA-256 of its ONNX form."""
    size_bytes: int


class ModelInfo(Trained):
    """A version of a model."""

    id: Identifier
    version: int
    job: str
    """The training that it came from."""
    trained_at: AwareDatetime


class ModelState(ModelInfo):
    """A version of a model, and whether it is the one that predicts."""

    current: bool
    loaded: bool


class Instrument(BaseModel):
    """An instrument at its last bar."""

    close: Price
    features: Features


class PredictRequest(BaseModel):
    """Instruments to predict, all in one run of the model."""

    instruments: Annotated[dict[Symbol, Instrument], Field(min_length=1, max_length=10_000)]


class PricePrediction(BaseModel):
    """The expected return over the horizon, and the price that it leads to."""

    expected_return: float
    expected_price: float


class RegimePrediction(BaseModel):
    """The likeliest regime over the horizon."""

    regime: Regime
    probabilities: dict[Regime, float]


class VolatilityPrediction(BaseModel):
    """The standard deviation of the return over the horizon."""

    volatility: float


class Predictions(BaseModel):
    """Which model predicted, and how far ahead."""

    model: Identifier
    horizon_bars: int


class PricePredictions(Predictions):
    """Each instrument's price."""

    predictions: dict[Symbol, PricePrediction]


class RegimePredictions(Predictions):
    """Each instrument's regime."""

    predictions: dict[Symbol, RegimePrediction]


class VolatilityPredictions(Predictions):
    """Each instrument's volatility."""

    predictions: dict[Symbol, VolatilityPrediction]
