"""What each engine is asked in its load test; standard library only, as containers load it too."""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

START_S = 1_767_225_600
Json = dict[str, Any]


@dataclass(frozen=True)
class Load:
    """A request to an engine."""

    engine: str
    path: str
    body: Callable[[int], Json]
    """The n-th request's."""
    count: int
    """Of requests in a row."""
    before: tuple[str, Json] | None = None
    """A path and body to post once, before all others."""


def _walk(seed: int, count: int) -> list[float]:
    generator, price, closes = random.Random(seed), 100.0, []  # noqa: S311
    for _ in range(count):
        price *= math.exp(generator.gauss(0, 0.001))
        closes.append(round(price, 4))
    return closes


def _returns(seed: int, count: int) -> list[float]:
    generator = random.Random(seed)  # noqa: S311
    return [round(generator.gauss(0.0003, 0.01), 6) for _ in range(count)]


def _columns(instruments: int, count: int) -> dict[str, list[float]]:
    return {f"S{i}": _returns(i, count) for i in range(instruments)}


def _bars(count: int) -> Json:
    close = _walk(1, count)
    at = [time.strftime("%FT%TZ", time.gmtime(START_S + 60 * i)) for i in range(count)]
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return {"symbol": "S1", "interval": "1m", "at": at, **prices}


def _order(number: int) -> Json:
    order = {"symbol": "S1", "side": "buy", "quantity": 1 + number % 100, "price": 100}
    held = {f"S{i}": {"quantity": 100, "price": 100} for i in range(20)}
    return {"order": order, "positions": held, "equity": 1e6}


def _ticks(number: int) -> Json:
    """A second of ticks; of another second for each number and each run."""
    at = int(time.time()) + number
    return {
        "ticks": [
            {"symbol": f"S{i % 10}", "at": at + i / 1000, "sequence": i, "price": 100, "size": 1}
            for i in range(1_000)
        ]
    }


def _instruments(count: int, bars: int) -> Json:
    closes = {f"S{i}": _walk(i, bars) for i in range(count)}
    return {name: {"high": c, "low": c, "close": c} for name, c in closes.items()}


SYMBOLS = [f"S{i}" for i in range(200)]
FEATURES = {
    "rsi": 55.0,
    "macd": 0.1,
    "macd_signal": 0.1,
    "macd_histogram": 0.0,
    "atr": 0.3,
    "bollinger_upper": 101.0,
    "bollinger_middle": 100.0,
    "bollinger_lower": 99.0,
    "realized_volatility": 0.2,
    "zscore": 0.5,
}


def _always(body: Json) -> Callable[[int], Json]:
    return lambda _: body


LIMITS = {"portfolio": "bench", "max_gross_notional": 1e9, "max_leverage": 1e3}

LOADS = {
    "risk check": Load("risk", "/risk/check/bench", _order, 300, ("/risk/limits", LIMITS)),
    "risk var": Load(
        "risk",
        "/risk/var",
        _always(
            {
                "returns": [list(row) for row in zip(*_columns(20, 500).values(), strict=True)],
                "weights": [0.05] * 20,
                "method": "monte_carlo",
                "paths": 200_000,
            }
        ),
        5,
    ),
    "marketdata ingest": Load("marketdata", "/data/ingest", _ticks, 20),
    "websocket broadcast": Load("websocket", "/broadcast", _always({"text": "x" * 200}), 200),
    "analytics performance": Load(
        "analytics",
        "/analytics/performance/bench",
        _always({"returns": _returns(1, 20_000), "benchmark": _returns(2, 20_000)}),
        20,
    ),
    "ml predict": Load(
        "ml",
        "/ml/predict/price",
        _always(
            {"instruments": {f"S{i}": {"close": 100, "features": FEATURES} for i in range(200)}}
        ),
        100,
        (
            "/ml/train",
            {"kind": "price", "algorithm": "boosting", "instruments": _instruments(10, 500)},
        ),
    ),
    "features batch": Load(
        "features",
        "/features/batch",
        _always({"instruments": _instruments(100, 500), "last": 1}),
        5,
    ),
    "factor risk model": Load(
        "factor",
        "/factors/risk-model",
        _always({"returns": _columns(300, 500), "components": 10}),
        5,
    ),
    "portfolio optimize": Load(
        "portfolio",
        "/portfolios/bench/optimize",
        _always({"returns": _columns(30, 500), "objective": "minimum_cvar"}),
        5,
    ),
    "portfolio outcomes": Load(
        "portfolio",
        "/portfolios/outcomes",
        _always({"returns": _columns(5, 500), "weights": {"S1": 1.0}, "paths": 20_000}),
        5,
    ),
    "strategy back-test": Load(
        "strategy",
        "/backtests",
        _always({"rules": [{"kind": "ema_cross"}], "bars": _bars(5_000)}),
        3,
    ),
}
