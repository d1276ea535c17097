"""From features to factors and predictions, by the factor and the ml engine."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import pytest
from fastapi.testclient import TestClient
from nautilus.engines.factor.exposures import universe_factors
from nautilus.engines.factor.flow import FACTORS, WINDOWS
from nautilus.engines.factor.models import UniverseRequest
from nautilus.engines.ml import flow as ml_flow
from nautilus.engines.ml import trainings
from nautilus.frame.relay import Message
from nautilus.market.batch import compute_features
from nautilus.market.flow import FLOW_INTERVAL, FactorBatch, FeatureBatch, PredictionBatch
from nautilus.market.indicators import DEFINITIONS
from nautilus.market.series import Bars, Parameters
from redis import Redis

from tests.nautilus.servers import eventually

Start = Callable[..., TestClient]
M = TypeVar("M", bound=Message)
MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
GENERATOR = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def clean(redis_client: Redis) -> Iterator[None]:
    redis_client.flushall()
    yield
    redis_client.flushall()


def batches(symbols: tuple[str, ...], seconds: int) -> list[FeatureBatch]:
    """What the features engine tells of random walks, a second each."""
    closes, columns = {}, {}
    for symbol in symbols:
        close = 100 * np.exp(np.cumsum(GENERATOR.normal(0, 0.001, seconds)))
        bars = Bars(high=(close + 0.1).tolist(), low=(close - 0.1).tolist(), close=close.tolist())
        closes[symbol] = bars.close
        columns |= compute_features({symbol: bars}, list(DEFINITIONS), Parameters())
    return [
        FeatureBatch(
            origin=f"{second}-0",
            at=MORNING + timedelta(seconds=second),
            interval=FLOW_INTERVAL,
            closes={symbol: closes[symbol][second] for symbol in symbols},
            features={
                symbol: {name: column[second] for name, column in columns[symbol].items()}
                for symbol in symbols
            },
        )
        for second in range(seconds)
    ]


def tell(redis: Redis, messages: list[FeatureBatch]) -> None:
    with redis.pipeline() as said:
        for message in messages:
            said.xadd(message.topic, {"json": message.model_dump_json()})
        said.execute()


def told(redis: Redis, model: type[M]) -> list[M]:
    return [model.model_validate_json(e[b"json"]) for _, e in redis.xrange(model.topic)]


def hears(redis: Redis, model: type[M], count: int) -> list[M]:
    eventually(lambda: len(told(redis, model)) >= count, within_s=60)
    found = told(redis, model)
    assert len(found) == count
    return found


def expected_exposures(history: list[FeatureBatch]) -> dict[str, list[float | None]]:
    symbols = history[-1].closes
    closes = {s: {"close": [batch.closes[s] for batch in history]} for s in symbols}
    request = UniverseRequest(instruments=closes, factors=FACTORS, windows=WINDOWS)
    return universe_factors(request).exposures


def test_each_batch_of_features_is_answered_with_the_universes_exposures(
    start: Start, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    history = batches(("A", "B", "C"), 80)
    client = start("factor", **redis_settings)
    tell(redis_client, history[:70])
    hears(redis_client, FactorBatch, 70)
    # A second worker goes on with the closes that the first one left.
    client.__exit__(None, None, None)
    tell(redis_client, history[70:])
    start("factor", **redis_settings)
    last = hears(redis_client, FactorBatch, 80)[-1]
    assert last.origin == "79-0"
    for symbol, row in expected_exposures(history).items():
        assert list(last.exposures[symbol].values()) == pytest.approx(row)
        assert None not in row


def test_an_instrument_that_stopped_trading_leaves_the_universe(
    start: Start, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    first, later = batches(("A", "GONE"), 2), batches(("A", "B"), 2)[0]
    start("factor", **redis_settings)
    tell(redis_client, [*first, later.model_copy(update={"at": MORNING + timedelta(minutes=5)})])
    said = hears(redis_client, FactorBatch, 3)
    assert set(said[1].exposures) == {"A", "GONE"}
    assert set(said[2].exposures) == {"A", "B"}


def test_the_first_models_are_trained_of_the_flow_and_predict_in_it(
    start: Start, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    history = batches(("A", "B"), ml_flow.FIRST_BATCHES + 20)
    client = start("ml", **redis_settings)
    tell(redis_client, history[: ml_flow.FIRST_BATCHES - 1])
    eventually(lambda: delivered(redis_client) == ml_flow.FIRST_BATCHES - 1)
    assert client.get("/jobs").json() == []
    tell(redis_client, history[ml_flow.FIRST_BATCHES - 1 : -1])
    eventually(lambda: len(client.get("/jobs").json()) == 3, within_s=30)
    eventually(lambda: redis_client.xlen(trainings.INTAKE) == 0, within_s=300)
    assert {job["error"] for job in client.get("/jobs").json()} == {None}
    eventually(lambda: client.get("/health").json()["models_loaded"] == 3)
    tell(redis_client, history[-1:])
    origin = history[-1].origin
    eventually(lambda: [p.origin for p in told(redis_client, PredictionBatch)][-1:] == [origin])
    said = told(redis_client, PredictionBatch)[-1]
    assert said.model == "price-1,regime-1,volatility-1"
    assert [it for it in ("price-1", "price", "price-2", "regime-1") if said.expected_by(it)] == [
        "price-1",
        "price",
    ]
    body = {
        "instruments": {
            s: {"close": history[-1].closes[s], "features": history[-1].features[s]}
            for s in ("A", "B")
        }
    }
    price = client.post("/ml/predict/price", json=body).json()["predictions"]
    for symbol, prediction in said.predictions.items():
        assert prediction.expected_return == pytest.approx(price[symbol]["expected_return"])
        assert prediction.volatility == pytest.approx(0.001, rel=0.3)
        assert prediction.regime in {"falling", "flat", "rising"}


def delivered(redis: Redis) -> int:
    groups = redis.xinfo_groups(FeatureBatch.topic)
    # Redis does not say before the group has read anything.
    return sum(int(group["entries-read"] or 0) for group in groups if group["name"] == b"ml")


def test_instruments_without_all_features_are_not_predicted(
    start: Start, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    start("ml", **redis_settings)
    tell(redis_client, batches(("A",), 3))
    eventually(lambda: delivered(redis_client) == 3)
    assert told(redis_client, PredictionBatch) == []
    assert json.loads(redis_client.get("nautilus:ml:ordered:price") or b"null") is None
