"""Models by scikit-learn, kept as ONNX: the same answers, joined, durable, never done twice."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvloop
from fastapi.testclient import TestClient
from nautilus.engines.ml import process, trainings
from nautilus.engines.ml.batching import Batcher
from nautilus.engines.ml.dataset import from_bars
from nautilus.engines.ml.inputs import INPUTS, Features, matrix
from nautilus.engines.ml.models import Algorithm, Kind, Regime, Trained, TrainRequest
from nautilus.engines.ml.process import Result, TrainingDiedError
from nautilus.engines.ml.runtime import Model
from nautilus.engines.ml.shelf import CONTENTS, MODELS, Shelf
from nautilus.engines.ml.training import Training, TrainingError, _estimator, train
from nautilus.frame.settings import Settings
from nautilus.frame.stores import Stores
from nautilus.frame.threads import ThreadPlan
from nautilus.market.batch import compute_features
from nautilus.market.indicators import DEFINITIONS
from nautilus.market.series import Bars, Parameters
from redis import Redis

from tests.nautilus.processes import RunService, children
from tests.nautilus.servers import eventually

Start = Callable[..., TestClient]
GENERATOR = np.random.default_rng(11)


def walk(bars: int = 500, drift: float = 0.7) -> dict[str, list[float]]:
    """A price whose next return leans on its last one, so that there is something to learn."""
    returns = np.zeros(bars)
    for i, shock in enumerate(GENERATOR.normal(0, 0.01, bars)):
        returns[i] = drift * returns[i - 1] + shock
    close = 100 * np.exp(np.cumsum(returns))
    spread = np.abs(GENERATOR.normal(0, 0.3, (2, bars)))
    columns = {"high": close + spread[0], "low": close - spread[1], "close": close}
    return {name: values.tolist() for name, values in columns.items()}


BARS = {f"S{i}": walk() for i in range(3)}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    # OpenMP's threads spin while they wait for one another, for minutes on a busy machine.
    ThreadPlan(cpus=1, workers=1).apply()


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> Iterator[None]:
    if {"redis_settings", "redis_client"} & set(request.fixturenames):
        request.getfixturevalue("redis_client").flushall()
    yield


def last_features(bars: dict[str, list[float]]) -> dict[str, Any]:
    """What the features engine says of the last bar."""
    computed = compute_features({"X": Bars(**bars)}, list(DEFINITIONS), Parameters(), last=1)["X"]
    values = {name: column[0] for name, column in computed.items()}
    return {"close": bars["close"][-1], "features": values}


def request_of(kind: Kind, **more: Any) -> TrainRequest:
    return TrainRequest(kind=kind, instruments=BARS, **more)


def test_models_see_exactly_the_features_there_are() -> None:
    assert set(Features.model_fields) == {
        column for definition in DEFINITIONS.values() for column in definition(Parameters())
    }


def test_inputs_do_not_depend_on_the_prices_level() -> None:
    cheap, dear = walk(100), {}
    for name, values in cheap.items():
        dear[name] = [1_000 * value for value in values]
    rows = []
    for bars in (cheap, dear):
        computed = compute_features({"X": Bars(**bars)}, list(DEFINITIONS), Parameters())["X"]
        columns = {name: np.array(computed[name], dtype=float) for name in INPUTS}
        rows.append(matrix(np.array(bars["close"]), columns))
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-9)


@pytest.mark.parametrize("horizon", [1, 5])
def test_samples_are_the_features_and_what_followed(horizon: int) -> None:
    bars = Bars(**BARS["S0"])
    dataset = from_bars({"A": bars}, Parameters(), horizon)
    close = np.array(bars.close)
    # MACD's signal is the last feature to have a value.
    first = 33
    assert len(dataset) == len(close) - horizon - first
    assert dataset.returns[0] == pytest.approx(close[first + horizon] / close[first] - 1)
    steps = close[first + 1 : first + horizon + 1] / close[first : first + horizon] - 1
    assert dataset.deviations[0] == pytest.approx(np.sqrt((steps**2).sum()), rel=1e-6)
    computed = compute_features({"A": bars}, ["rsi"], Parameters())["A"]["rsi"]
    assert dataset.inputs[7, INPUTS.index("rsi")] == pytest.approx(computed[first + 7])


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_onnx_predicts_what_scikit_learn_predicts(kind: Kind, algorithm: Algorithm) -> None:
    request = request_of(kind, algorithm=algorithm)
    trained, content = train(Training(request=request))
    dataset = from_bars(request.instruments or {}, request.parameters, 1)
    if kind is Kind.REGIME:
        edge = 0.43 * dataset.returns.std()
        targets = np.digitize(dataset.returns, [-edge, edge])
        reference = _estimator(request).fit(dataset.inputs, targets)
        expected = reference.predict_proba(dataset.inputs)
    else:
        values = dataset.returns
        if kind is Kind.VOLATILITY:
            values = dataset.deviations * np.sqrt(np.pi / 2)
        assert trained.target_scale == pytest.approx(values.std())
        reference = _estimator(request).fit(dataset.inputs, values / values.std())
        expected = reference.predict(dataset.inputs)[:, None]
    np.testing.assert_allclose(Model(content).run(dataset.inputs), expected, atol=1e-5)
    assert trained.conversion_error < 1e-5
    assert trained.samples == len(dataset)


def test_the_score_is_of_what_the_model_has_not_seen() -> None:
    learned, _ = train(Training(request=request_of(Kind.PRICE)))
    assert learned.score is not None
    # A return explains 0.7 squared of the next one's variance, of which the features see a part.
    assert 0.1 < learned.score < 0.7
    noise = {"N": walk(drift=0.0)}
    fooled = TrainRequest(kind=Kind.PRICE, algorithm=Algorithm.BOOSTING, instruments=noise)
    score = train(Training(request=fooled))[0].score
    assert score is not None
    assert score < 0.05


def test_volatility_is_the_returns_standard_deviation() -> None:
    quiet = {"Q": walk(4_000, drift=0.0)}
    request = TrainRequest(kind=Kind.VOLATILITY, horizon_bars=4, instruments=quiet)
    trained, content = train(Training(request=request))
    dataset = from_bars(request.instruments or {}, Parameters(), 4)
    predicted = Model(content).run(dataset.inputs) * trained.target_scale
    assert predicted.mean() == pytest.approx(0.01 * 2, rel=0.05)


@pytest.mark.parametrize(
    ("bars", "kind", "said"),
    [
        (walk(60), Kind.PRICE, "26 samples .* at least 100"),
        ({name: [10.0] * 300 for name in ("high", "low", "close")}, Kind.PRICE, "0 samples"),
    ],
)
def test_a_history_that_teaches_nothing_is_refused(bars: Any, kind: Kind, said: str) -> None:
    request = TrainRequest(kind=kind, instruments={"A": bars})
    with pytest.raises(TrainingError, match=said):
        train(Training(request=request))


class Counting:
    """A double: a model's run that counts how often it is asked."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def run(self, _: Model, inputs: np.ndarray) -> np.ndarray:
        self.sizes.append(len(inputs))
        return inputs[:, :1] * 2.0


def batched(
    sizes: list[int], full_rows: int = 1_024, longest_wait_s: float = 0.002
) -> tuple[list[np.ndarray], list[int]]:
    async def ask() -> tuple[list[np.ndarray], list[int]]:
        counting, model = Counting(), object()
        batcher = Batcher(counting.run, full_rows, longest_wait_s)
        rows = [np.full((size, 2), i, dtype=np.float32) for i, size in enumerate(sizes)]
        answers = await asyncio.gather(*(batcher.predict(model, one) for one in rows))  # type: ignore[arg-type]
        return list(answers), counting.sizes

    return asyncio.run(ask())


def test_requests_of_the_same_time_are_one_run_and_each_gets_its_own_answer() -> None:
    answers, runs = batched([1, 3, 2, 1])
    assert runs == [7]
    for i, (answer, size) in enumerate(zip(answers, [1, 3, 2, 1], strict=True)):
        np.testing.assert_array_equal(answer, np.full((size, 1), 2.0 * i))


@pytest.mark.parametrize("rows", [1_024, 3])
def test_a_full_batch_does_not_grow(rows: int) -> None:
    answers, runs = batched([rows, 1, rows], full_rows=rows)
    assert sorted(runs) == [rows, rows + 1]
    assert [answer[0, 0] for answer in answers] == [0.0, 2.0, 4.0]


def test_a_batch_waits_for_others_no_longer_than_it_may() -> None:
    begun = time.monotonic()
    assert batched([1, 1], longest_wait_s=0.3)[1] == [2]
    assert time.monotonic() - begun >= 0.3
    # As soon as it is full, however long it might wait.
    assert batched([2, 1], full_rows=3, longest_wait_s=3_600)[1] == [3]


def test_an_engines_batches_are_as_its_environment_says(
    start: Start, redis_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_ROWS", "1")
    monkeypatch.setenv("BATCH_WAIT_MS", "60000")
    keep(redis_settings, Kind.PRICE)
    # It would wait for a minute, were one row not enough.
    client = ready(start, redis_settings)
    body = {"instruments": {"A": last_features(BARS["S0"])}}
    begun = time.monotonic()
    for _ in range(3):
        assert client.post("/ml/predict/price", json=body).status_code == 200
    assert time.monotonic() - begun < 60
    # /health may be half a second old.
    eventually(lambda: client.get("/health").json()["inference_runs"] == 3)


def keep(redis_settings: dict[str, Any], *kinds: Kind) -> None:
    """Put trained models on the shelf, without the process that a training takes."""

    async def put() -> None:
        stores = Stores(Settings(service="ml", **redis_settings))
        await stores.open()
        shelf = Shelf(load)
        for kind in kinds:
            async with stores.redis.pipeline(transaction=True) as commit:
                await shelf.put(stores.redis, commit, *learned(kind), "by hand")
                await commit.execute()
        await stores.close()

    asyncio.run(put())


async def load(content: bytes) -> Model:
    return Model(content)


@cache
def learned(kind: Kind) -> tuple[Trained, bytes]:
    return train(Training(request=request_of(kind)))


def ready(start: Start, redis_settings: dict[str, Any]) -> TestClient:
    client = start("ml", **redis_settings)
    eventually(lambda: client.get("/health").json()["models_loaded"] > 0)
    return client


def train_and_wait(client: TestClient, **body: Any) -> dict[str, Any]:
    accepted = client.post("/ml/train", json=body)
    assert accepted.status_code == 202, accepted.text
    where = accepted.headers["Location"]
    eventually(lambda: client.get(where).json()["state"] in {"done", "failed"}, within_s=180)
    return dict(client.get(where).json())


def test_a_model_is_trained_versioned_kept_and_used(
    start: Start, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    client = start("ml", **redis_settings)
    body = {"instruments": {"A": last_features(BARS["S0"]), "B": last_features(BARS["S1"])}}
    missing = client.post("/ml/predict/price", json=body)
    assert (missing.status_code, missing.json()["detail"]) == (404, "no model of price: train one")
    keep(redis_settings, *Kind)
    again = train_and_wait(client, kind="price", algorithm="boosting", instruments=BARS)
    assert again["result"] == {"model": "price-2"}
    assert again["attempts"] == 1
    versions = [one["id"] for one in client.get("/models").json()]
    assert versions == ["price-2", "price-1", "regime-1", "volatility-1"]
    assert redis_client.xlen(trainings.INTAKE) == 0

    eventually(
        lambda: client.post("/ml/predict/price", json=body).json()["model"] == "price-2", within_s=5
    )
    price = client.post("/ml/predict/price", json=body).json()
    one = price["predictions"]["A"]
    assert one["expected_price"] == pytest.approx(
        BARS["S0"]["close"][-1] * (1 + one["expected_return"])
    )
    regime = client.post("/ml/predict/regime", json=body).json()["predictions"]["B"]
    assert sum(regime["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert regime["regime"] == max(regime["probabilities"], key=regime["probabilities"].get)
    assert set(regime["probabilities"]) == set(Regime)
    volatility = client.post("/ml/predict/volatility", json=body).json()["predictions"]["A"]
    assert 0.001 < volatility["volatility"] < 0.1

    # Another start of the engine has the same models, and can go back to an older one.
    other = start("ml", **redis_settings)
    eventually(lambda: other.get("/health").json()["models_loaded"] == 3)
    assert other.post("/ml/predict/price", json=body).json() == price
    assert other.post("/models/price-1/activate").status_code == 200
    assert other.post("/models/price-9/activate").status_code == 404
    assert other.post("/ml/predict/price", json=body).json()["model"] == "price-1"
    eventually(
        lambda: client.post("/ml/predict/price", json=body).json()["model"] == "price-1", within_s=5
    )


def test_predictions_are_scikit_learns_through_the_engine(
    start: Start, redis_settings: dict[str, Any]
) -> None:
    keep(redis_settings, Kind.PRICE)
    client = ready(start, redis_settings)
    request = request_of(Kind.PRICE)
    dataset = from_bars(request.instruments or {}, Parameters(), 1)
    scale = dataset.returns.std()
    reference = _estimator(request).fit(dataset.inputs, dataset.returns / scale)
    for bars in BARS.values():
        one = last_features(bars)
        columns = {name: np.array([value]) for name, value in one["features"].items()}
        inputs = matrix(np.array([one["close"]]), columns).astype(np.float32)
        answer = client.post("/ml/predict/price", json={"instruments": {"A": one}}).json()
        ours = answer["predictions"]["A"]["expected_return"]
        assert ours / scale == pytest.approx(reference.predict(inputs)[0], abs=1e-5)


def test_concurrent_small_requests_are_joined(start: Start, redis_settings: dict[str, Any]) -> None:
    keep(redis_settings, Kind.PRICE)
    client = ready(start, redis_settings)
    body = {"instruments": {"A": last_features(BARS["S0"])}}
    together = threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait()
        return client.post("/ml/predict/price", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(40))) == {200}
    eventually(lambda: client.get("/health").json()["predictions_made"] == 40)
    assert client.get("/health").json()["inference_runs"] < 40


def test_a_damaged_model_is_not_used(
    start: Start, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    keep(redis_settings, Kind.PRICE)
    redis_client.hset(CONTENTS, "price-1", "AAAA")
    other = start("ml", **redis_settings)
    eventually(lambda: "price" in other.get("/health").json()["model_faults"])
    body = {"instruments": {"A": last_features(BARS["S0"])}}
    answer = other.post("/ml/predict/price", json=body)
    assert answer.status_code == 503
    assert "price-1: what is stored is not what was trained" in answer.text


def test_a_training_that_cannot_be_done_says_why(
    start: Start, redis_settings: dict[str, Any]
) -> None:
    client = start("ml", **redis_settings)
    few = {"A": walk(60)}
    failed = train_and_wait(client, kind="regime", instruments=few)
    assert failed["state"] == "failed"
    assert "at least 100 are needed" in failed["error"]
    nothing = train_and_wait(client, kind="price")
    assert "0 samples" in nothing["error"]
    assert [job["id"] for job in client.get("/jobs").json()] == [nothing["id"], failed["id"]]


def training(worker: int) -> int | None:
    """The process that a worker of the ml engine trains in."""
    return next((pid for pid in children(worker) if b"nautilus.engines.ml" in command(pid)), None)


def command(pid: int) -> bytes:
    """A process's command line; empty once it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def test_a_training_survives_its_workers_and_its_own_kill(
    run: RunService, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    environment = {name.upper(): str(value) for name, value in redis_settings.items()}
    service = run("ml", **environment)
    bars = {f"S{i}": walk(3_000) for i in range(10)}
    body = {"kind": "regime", "algorithm": "boosting", "instruments": bars}
    job = httpx.post(f"http://127.0.0.1:{service.port}/ml/train", json=body).json()["id"]

    def state() -> dict[str, Any]:
        stored = redis_client.hget(trainings.JOBS, job)
        return dict(json.loads(stored or b"{}"))

    (worker,) = service.workers()
    eventually(lambda: training(worker) is not None, within_s=30)
    first = training(worker) or 0
    # Its worker alone, and its process alone: the one ends with the other, and it is begun again.
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: not command(first))
    eventually(lambda: service.workers() not in ([worker], []))
    (worker,) = service.workers()
    eventually(lambda: training(worker) is not None, within_s=30)
    second = training(worker)
    assert second is not None
    os.kill(second, signal.SIGKILL)
    eventually(lambda: state()["state"] in {"done", "failed"}, within_s=240)
    assert (state()["state"], state()["attempts"]) == ("done", 3)
    assert redis_client.hkeys(MODELS) == [b"regime-1"]
    assert redis_client.xlen(trainings.INTAKE) == 0


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_process_killed_before_it_is_told_its_training_died(
    loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = asyncio.create_subprocess_exec

    async def begin_and_kill(*command: str, **options: Any) -> asyncio.subprocess.Process:
        begun = await begin(*command, **options)
        begun.kill()
        await begun.wait()
        return begun

    monkeypatch.setattr(asyncio, "create_subprocess_exec", begin_and_kill)
    with asyncio.Runner(loop_factory=loop) as runner, pytest.raises(TrainingDiedError, match="-9"):
        runner.run(process.train("{}" * 100_000))


def test_a_training_whose_process_is_always_killed_is_given_up(
    start: Start, redis_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(_: str) -> Result:
        raise TrainingDiedError("its process ended with -9: ")

    monkeypatch.setattr(trainings, "train", killed)
    failed = train_and_wait(start("ml", **redis_settings), kind="price", instruments=BARS)
    assert (failed["state"], failed["attempts"]) == ("failed", 3)
    assert failed["error"].startswith("given up: its worker or its process was lost in each of 3")


def test_a_training_is_given_back_when_the_engine_is_told_to_stop(
    start: Start, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    client = start("ml", **redis_settings)
    bars = {f"S{i}": walk(3_000) for i in range(10)}
    body = {"kind": "regime", "algorithm": "boosting", "instruments": bars}
    where = client.post("/ml/train", json=body).headers["Location"]
    eventually(lambda: client.get(where).json()["state"] == "running")
    client.__exit__(None, None, None)
    (stored,) = map(json.loads, redis_client.hvals(trainings.JOBS))
    assert (stored["state"], stored["attempts"]) == ("queued", 0)
    assert redis_client.xlen(trainings.INTAKE) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="CPU affinity is Linux' own")
def test_no_pool_has_more_threads_than_the_engine_has_cpus(run: RunService) -> None:
    one = min(os.sched_getaffinity(0))
    health = run("ml", cpus={one}).health()
    assert health["threads"]["onnxruntime"] == health["cpus"] == 1
    assert set(health["threads"].values()) == {1}


def test_old_versions_go_and_the_newest_stay(
    start: Start, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    keep(redis_settings, *[Kind.PRICE] * 12)
    versions = [one["version"] for one in start("ml", **redis_settings).get("/models").json()]
    assert versions == list(range(12, 2, -1))
    assert redis_client.hlen(CONTENTS) == 10


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        ("predict/price", {"instruments": {}}, ["instruments"]),
        ("predict/price", {"instruments": {"A": {"close": -1}}}, ["instruments", "A", "close"]),
        (
            "predict/regime",
            {"instruments": {"A": {"close": 1, "features": {"rsi": None}}}},
            ["instruments", "A", "features", "rsi"],
        ),
        ("train", {"kind": "magic"}, ["kind"]),
        ("train", {"kind": "price", "horizon_bars": 0}, ["horizon_bars"]),
        ("train", {"kind": "price", "instruments": {"A": {"close": [1]}}}, ["instruments", "A"]),
    ],
)
def test_bad_input_names_its_field(start: Start, path: str, change: Any, field: list[str]) -> None:
    answer = start("ml").post(f"/ml/{path}", json=change)
    assert answer.status_code == 422
    assert any(error["loc"][1 : 1 + len(field)] == field for error in answer.json()["detail"])
