"""The computation of each load without its engine: `python -m bench.direct LOAD COUNT`.

It runs in the engine's container, so in one process with the interpreter, libraries, CPUs and
threads that the engine has, and prints the milliseconds of each computation as JSON. Only the
computation is timed, on an input that is validated already.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from bench.loads import LIMITS, LOADS

Compute = Callable[[int], object]


def _of(module: str, model: str, function: str, name: str) -> Compute:
    """A function of one of an engine's modules, on the load's request."""
    loaded = import_module(f"nautilus.engines.{module}")
    request = getattr(loaded, model).model_validate(LOADS[name].body(0))
    compute = getattr(loaded, function)
    return lambda _: compute(request)


def _check(name: str) -> Compute:
    risk = import_module("nautilus.engines.risk.limits")
    limits = risk.Limits.model_validate(LIMITS)
    request = risk.CheckRequest.model_validate(LOADS[name].body(0))
    return lambda _: risk.find_excesses(limits, request)


def _features(name: str) -> Compute:
    models = import_module("nautilus.engines.features.models")
    batch = import_module("nautilus.market.batch")
    request = models.BatchRequest.model_validate(LOADS[name].body(0))
    features = batch.chosen(None)
    return lambda _: batch.compute_features(request.instruments, features, request.parameters, 1)


def _optimize(name: str) -> Compute:
    portfolio = import_module("nautilus.engines.portfolio.service")
    request = portfolio.OptimizeRequest.model_validate(LOADS[name].body(0))
    return lambda _: portfolio.optimize("bench", request)


def _backtest(name: str) -> Compute:
    models = import_module("nautilus.engines.strategy.models")
    library = import_module("nautilus.engines.strategy.backtest")
    request = models.BacktestRequest.model_validate(LOADS[name].body(0))
    return lambda _: library.backtest(request.rules[0], request.bars.columns(), request, bool)


def _opened() -> tuple[asyncio.Runner, Any]:
    """Connections to the stores as a worker has them, and what runs their coroutines."""
    stores = import_module("nautilus.frame.stores")
    settings = import_module("nautilus.frame.settings")
    runner, opened = asyncio.Runner(), stores.Stores(settings.Settings())
    runner.run(opened.open())
    return runner, opened


def _predict(name: str) -> Compute:
    shelf = import_module("nautilus.engines.ml.shelf")
    inputs = import_module("nautilus.engines.ml.inputs")
    runtime = import_module("nautilus.engines.ml.runtime")
    numpy = import_module("numpy")
    runner, stores = _opened()

    async def load(content: bytes) -> object:
        return runtime.Model(content)

    models = shelf.Shelf(load)
    runner.run(models.refresh(stores.redis))
    _, model = models.current("price")
    instruments = LOADS[name].body(0)["instruments"].values()
    closes = numpy.array([one["close"] for one in instruments])
    columns = {
        column: numpy.array([one["features"][column] for one in instruments])
        for column in inputs.INPUTS
    }
    rows = inputs.matrix(closes, columns).astype(numpy.float32)
    return lambda _: model.run(rows)


def _ingest(name: str) -> Compute:
    models = import_module("nautilus.engines.marketdata.models")
    store = import_module("nautilus.engines.marketdata.store")
    bodies = [LOADS[name].body(number) for number in range(LOADS[name].count + 1)]
    for tick in (tick for body in bodies for tick in body["ticks"]):
        # Of other instruments than the requests', so that both store new ticks.
        tick["symbol"] = "D" + tick["symbol"]
    batches = [models.TickBatch.model_validate(body).ticks for body in bodies]
    runner, stores = _opened()
    return lambda number: runner.run(store.ingest(stores.postgres, batches[number]))


def _publish(name: str) -> Compute:
    topics = import_module("nautilus.frame.topics")
    fields = {"json": json.dumps(LOADS[name].body(0))}
    runner, stores = _opened()

    async def publish() -> None:
        await stores.redis.xadd(topics.BROADCAST, fields, maxlen=topics.KEPT_ENTRIES)

    return lambda _: runner.run(publish())


DIRECT: dict[str, Callable[[str], Compute]] = {
    "risk check": _check,
    "risk var": partial(_of, "risk.value_at_risk", "VarRequest", "value_at_risk"),
    "marketdata ingest": _ingest,
    "websocket broadcast": _publish,
    "analytics performance": partial(_of, "analytics.performance", "TrackRecord", "measure"),
    "ml predict": _predict,
    "features batch": _features,
    "factor risk model": partial(_of, "factor.service", "RiskModelRequest", "risk_model"),
    "portfolio optimize": _optimize,
    "portfolio outcomes": partial(_of, "portfolio.service", "OutcomesRequest", "simulate"),
    "strategy back-test": _backtest,
}


def main() -> None:
    """Compute once to load all that is needed, then as often as asked."""
    name, count = sys.argv[1], int(sys.argv[2])
    threads = import_module("nautilus.frame.threads")
    plan = threads.ThreadPlan.current(int(os.environ.get("WORKERS", "1")))
    plan.preset()
    module, _, _ = import_module("nautilus.catalogue").SERVICES[LOADS[name].engine].partition(":")
    import_module(module)
    plan.apply()
    compute, took_ms = DIRECT[name](name), []
    compute(0)
    for number in range(1, count + 1):
        began = time.perf_counter()
        compute(number)
        took_ms.append((time.perf_counter() - began) * 1e3)
    print(json.dumps(took_ms))


if __name__ == "__main__":
    main()
