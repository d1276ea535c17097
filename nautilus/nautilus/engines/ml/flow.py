"""The ml engine's part in the data flow: features in, predictions out.

Where nothing has been trained yet, it orders a first model of each kind once there is history.
"""

from collections.abc import Awaitable, Callable

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.ml import trainings
from nautilus.engines.ml.inputs import Array
from nautilus.engines.ml.models import Instrument, Kind, ModelInfo, Regime, TrainRequest
from nautilus.engines.ml.runtime import Model
from nautilus.engines.ml.shelf import Shelf
from nautilus.frame.relay import Source, publish, relay
from nautilus.frame.topics import FEATURES
from nautilus.market.flow import FeatureBatch, Prediction, PredictionBatch

FIRST_BATCHES = 300
ORDERED = "nautilus:ml:ordered:"
# A first training that failed is ordered again with the history that is there by then.
ORDER_AGAIN_S = 120

Answers = Callable[[ModelInfo, Model, list[Instrument]], Awaitable[Array]]


async def follow(redis: Redis, shelf: Shelf, answers: Answers) -> None:
    """Answer each batch of features with predictions; ends only by an error."""

    async def handle(_: str, batch: FeatureBatch, commit: Pipeline) -> None:
        await _order_first(redis, shelf)
        instruments = _complete(batch)
        models, predictions = await _predictions(shelf, answers, instruments)
        if models and predictions:
            answer = PredictionBatch(
                origin=batch.origin,
                at=batch.at,
                interval=batch.interval,
                model=",".join(models),
                predictions=predictions,
            )
            publish(commit, answer)

    await relay(redis, "ml", Source(FeatureBatch, handle))


def _complete(batch: FeatureBatch) -> dict[str, Instrument]:
    """Instruments that have all features; the others' windows are not full yet."""
    found = {}
    for symbol, features in batch.features.items():
        try:
            found[symbol] = Instrument.model_validate(
                {"close": batch.closes.get(symbol), "features": features}
            )
        except ValidationError:
            continue
    return found


async def _predictions(
    shelf: Shelf, answers: Answers, instruments: dict[str, Instrument]
) -> tuple[list[str], dict[str, Prediction]]:
    predictions = {symbol: Prediction() for symbol in instruments}
    models = []
    for kind in Kind:
        current = shelf.current(kind)
        if current is None or not instruments:
            continue
        info, model = current
        models.append(info.id)
        rows = await answers(info, model, list(instruments.values()))
        for prediction, row in zip(predictions.values(), rows, strict=True):
            match kind:
                case Kind.PRICE:
                    prediction.expected_return = float(row[0])
                case Kind.VOLATILITY:
                    prediction.volatility = float(row[0])
                case Kind.REGIME:
                    prediction.regime = list(Regime)[int(row.argmax())]
    return models, predictions


async def _order_first(redis: Redis, shelf: Shelf) -> None:
    missing = [kind for kind in Kind if not shelf.has(kind)]
    if not missing or await redis.xlen(FEATURES) < FIRST_BATCHES:
        return
    for kind in missing:
        if await redis.set(f"{ORDERED}{kind}", "1", nx=True, ex=ORDER_AGAIN_S):
            await trainings.submit(redis, TrainRequest(kind=kind))
