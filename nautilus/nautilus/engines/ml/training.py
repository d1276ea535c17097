"""Train one model in a process of its own: a training as JSON in, the model as JSON out.

Its memory and its share of the interpreter are so never those of the process that predicts.
"""

import json
import math
import os
import sys
from base64 import b64encode
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nautilus.engines.ml.dataset import Dataset, from_bars, from_flow
from nautilus.engines.ml.inputs import INPUTS, Array
from nautilus.engines.ml.models import Algorithm, Kind, Regime, Trained, TrainRequest
from nautilus.engines.ml.runtime import Model
from nautilus.frame.threads import ThreadPlan
from nautilus.market.flow import FeatureBatch

MIN_SAMPLES = 100
HOLDOUT = 0.2
# A third of normal returns lies on either side of this many standard deviations.
REGIME_EDGE = 0.43
MAX_CONVERSION_ERROR = 1e-5
# Opsets that the installed ONNX Runtime runs, whatever newer ones the converter knows.
OPSETS = {"": 18, "ai.onnx.ml": 3}


class TrainingError(ValueError):
    """The model cannot be trained on this history."""


class Training(BaseModel):
    """A request, with the flow's feature batches where it asks for them."""

    request: TrainRequest
    flow: list[FeatureBatch] = []


def train(training: Training) -> tuple[Trained, bytes]:
    """Fit a model and write it as ONNX; raises TrainingError."""
    request = training.request
    dataset = _dataset(training)
    if len(dataset) < MIN_SAMPLES:
        raise TrainingError(
            f"instruments: {len(dataset)} samples of all features and their outcome, "
            f"at least {MIN_SAMPLES} are needed"
        )
    targets, scale = _targets(request, dataset)
    score, baseline = _judge(request, dataset, targets)
    model = _estimator(request)
    model.fit(dataset.inputs, targets)
    content = _as_onnx(model, request.kind)
    error = _conversion_error(model, content, request.kind, dataset.inputs)
    if error > MAX_CONVERSION_ERROR:
        raise TrainingError(f"its ONNX form differs by {error:g} from the trained model")
    trained = Trained(
        kind=request.kind,
        algorithm=request.algorithm,
        horizon_bars=request.horizon_bars,
        inputs=list(INPUTS),
        target_scale=scale,
        samples=len(dataset),
        score=score,
        baseline=baseline,
        conversion_error=error,
        digest=sha256(content).hexdigest(),
        size_bytes=len(content),
    )
    return trained, content


def _dataset(training: Training) -> Dataset:
    request = training.request
    if request.instruments is None:
        return from_flow(training.flow, request.horizon_bars)
    return from_bars(request.instruments, request.parameters, request.horizon_bars)


def _targets(request: TrainRequest, dataset: Dataset) -> tuple[NDArray[Any], float]:
    """What the model learns, of unit scale, and the scale."""
    if request.kind is Kind.REGIME:
        edge = REGIME_EDGE * float(dataset.returns.std())
        regimes = np.digitize(dataset.returns, [-edge, edge])
        if len(np.unique(regimes)) < len(Regime):
            raise TrainingError("instruments: their returns do not show every regime")
        return regimes, 1.0
    values = dataset.returns
    if request.kind is Kind.VOLATILITY:
        values = dataset.deviations * _unbiased(request.horizon_bars)
    scale = float(values.std())
    if not scale > 0:
        raise TrainingError("instruments: what is to be predicted never varies")
    return values / scale, scale


def _unbiased(bars: int) -> float:
    """Standard deviation of a sum of normal returns by the mean root of their squares' sum."""
    mean = math.sqrt(2) * math.exp(math.lgamma((bars + 1) / 2) - math.lgamma(bars / 2))
    return math.sqrt(bars) / mean


def _estimator(request: TrainRequest) -> Any:  # noqa: ANN401 - scikit-learn has no types
    classifies = request.kind is Kind.REGIME
    if request.algorithm is Algorithm.BOOSTING:
        trees = HistGradientBoostingClassifier if classifies else HistGradientBoostingRegressor
        return trees(max_iter=100, early_stopping=False, random_state=request.seed)
    linear = LogisticRegression(max_iter=1_000) if classifies else Ridge()
    return make_pipeline(StandardScaler(), linear)


def _judge(
    request: TrainRequest, dataset: Dataset, targets: NDArray[Any]
) -> tuple[float | None, float | None]:
    """Score and baseline on the last part of the time, learned from what ends before it."""
    begins = dataset.times[int(len(dataset) * (1 - HOLDOUT))]
    unseen = dataset.times >= begins
    seen = dataset.times + request.horizon_bars <= begins
    if len(np.unique(targets[seen])) < 2 or len(np.unique(targets[unseen])) < 2:
        return None, None
    model = _estimator(request).fit(dataset.inputs[seen], targets[seen])
    guesses = model.predict(dataset.inputs[unseen])
    if request.kind is Kind.REGIME:
        usual = np.full(unseen.sum(), np.bincount(targets[seen]).argmax())
        measure = accuracy_score
    else:
        usual = np.full(unseen.sum(), targets[seen].mean())
        measure = r2_score
    return float(measure(targets[unseen], guesses)), float(measure(targets[unseen], usual))


def _as_onnx(model: Any, kind: Kind) -> bytes:  # noqa: ANN401
    converted = to_onnx(
        model,
        initial_types=[("inputs", FloatTensorType([None, len(INPUTS)]))],
        # Probabilities as one array, not as a dictionary a row.
        options={"zipmap": False} if kind is Kind.REGIME else None,
        target_opset=OPSETS,
    )
    return bytes(converted.SerializeToString())


def _conversion_error(
    model: Any,  # noqa: ANN401
    content: bytes,
    kind: Kind,
    inputs: NDArray[np.float32],
) -> float:
    expected: Array = (
        model.predict_proba(inputs) if kind is Kind.REGIME else model.predict(inputs)[:, None]
    )
    return float(np.abs(Model(content).run(inputs) - expected).max())


def main() -> int:
    """Read a training from standard input, write the model or the error to standard output."""
    # Whoever predicts goes first.
    os.nice(5)
    ThreadPlan.current(1).apply()
    try:
        trained, content = train(Training.model_validate_json(sys.stdin.buffer.read()))
    except TrainingError as error:
        print(json.dumps({"error": str(error)}))
        return 0
    print(json.dumps({"trained": trained.model_dump(), "onnx": b64encode(content).decode()}))
    return 0
