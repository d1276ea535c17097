"""Every feature against TA-Lib, or against numpy where TA-Lib has none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from nautilus.market.batch import compute_features
from nautilus.market.indicators import DEFINITIONS
from nautilus.market.series import Bars, Parameters

talib = pytest.importorskip("talib")

Start = Callable[..., TestClient]


def walk(seed: int, bars: int = 400) -> dict[str, list[float]]:
    generator = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(generator.normal(0, 0.01, bars)))
    spread = np.abs(generator.normal(0, 0.5, (2, bars)))
    return {
        "high": (close + spread[0]).tolist(),
        "low": (close - spread[1]).tolist(),
        "close": close.tolist(),
    }


def reference(bars: dict[str, list[float]], p: Parameters) -> dict[str, Any]:
    high, low, close = (np.array(bars[name]) for name in ("high", "low", "close"))
    line, signal, histogram = talib.MACD(close, p.macd_fast, p.macd_slow, p.macd_signal)
    k = p.bollinger_deviations
    upper, middle, lower = talib.BBANDS(close, p.bollinger_period, k, k)
    returns = np.diff(np.log(close), prepend=np.nan)
    volatility = [
        returns[i + 1 - p.volatility_period : i + 1].std(ddof=1)
        if i >= p.volatility_period
        else np.nan
        for i in range(len(close))
    ]
    mean, deviation = talib.SMA(close, p.zscore_period), talib.STDDEV(close, p.zscore_period)
    # TA-Lib gives no MACD before its signal; ours gives the line as soon as it exists.
    fresh = np.isnan(signal)
    return {
        "rsi": talib.RSI(close, p.rsi_period),
        "macd": np.where(fresh, np.nan, line),
        "macd_signal": signal,
        "macd_histogram": histogram,
        "atr": talib.ATR(high, low, close, p.atr_period),
        "bollinger_upper": upper,
        "bollinger_middle": middle,
        "bollinger_lower": lower,
        "realized_volatility": np.array(volatility) * np.sqrt(p.periods_per_year),
        "zscore": (close - mean) / deviation,
    }


SHORT = Parameters(
    rsi_period=5, macd_fast=3, macd_slow=7, macd_signal=4, atr_period=4, bollinger_period=6
)


@pytest.mark.parametrize("parameters", [Parameters(), SHORT])
def test_all_features_of_several_instruments_agree_with_talib(parameters: Parameters) -> None:
    instruments = {f"S{seed}": walk(seed, 200 + 50 * seed) for seed in range(4)}
    bars = {symbol: Bars(**columns) for symbol, columns in instruments.items()}
    computed = compute_features(bars, list(DEFINITIONS), parameters)
    assert list(computed) == list(instruments)
    for symbol, columns in instruments.items():
        for name, expected in reference(columns, parameters).items():
            ours = np.array(computed[symbol][name], dtype=float)
            if name == "macd":
                ours[np.isnan(expected)] = np.nan
            np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-9, err_msg=name)


def test_a_price_that_never_moves_gives_no_nan() -> None:
    flat = Bars(high=[10.0] * 60, low=[10.0] * 60, close=[10.0] * 60)
    last = compute_features({"X": flat}, list(DEFINITIONS), Parameters(), last=1)["X"]
    assert last["rsi"] == [0.0]
    assert last["atr"] == [0.0]
    assert last["zscore"] == [None]
    assert last["bollinger_upper"] == last["bollinger_lower"] == [10.0]


def test_too_few_bars_give_nulls_and_not_errors() -> None:
    few = Bars(high=[2.0, 2.0], low=[1.0, 1.0], close=[1.5, 1.6])
    for values in compute_features({"X": few}, list(DEFINITIONS), Parameters())["X"].values():
        assert values == [None, None]


def test_the_engine_serves_and_counts_them(start: Start) -> None:
    client = start("features")
    available = {
        feature["name"]: feature["columns"] for feature in client.get("/features/available").json()
    }
    assert available["macd"] == ["macd", "macd_signal", "macd_histogram"]
    one = client.post(
        "/features/technical/AAPL", json={"bars": walk(1), "features": ["rsi"], "last": 2}
    )
    assert one.status_code == 200
    assert list(one.json()["features"]) == ["rsi"]
    assert one.json()["features"]["rsi"] == pytest.approx(
        talib.RSI(np.array(walk(1)["close"]))[-2:]
    )
    many = client.post(
        "/features/batch", json={"instruments": {"A": walk(1), "B": walk(2)}, "last": 1}
    )
    assert set(many.json()["instruments"]) == {"A", "B"}
    health = client.get("/health").json()
    assert (health["feature_sets_processed"], health["features_calculated"]) == (3, 21)
    assert health["available_features"] == len(DEFINITIONS)


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"bars": walk(1), "features": ["magic"]}, ["features"], "no such feature: magic"),
        ({"bars": {**walk(1), "low": [1.0, 2.0]}}, ["bars", "low"], "the same length"),
        ({"bars": {**walk(1), "high": [1.0] * 400}}, ["bars", "high"], "below its low"),
        ({"bars": {**walk(1), "close": [1.0, -2.0]}}, ["bars", "close", 1], "greater than or"),
        (
            {"bars": walk(1), "parameters": {"macd_fast": 30}},
            ["parameters", "macd_fast"],
            "macd_fast must be shorter",
        ),
    ],
)
def test_bad_input_says_what_is_wrong(
    start: Start, body: Any, field: list[str | int], said: str
) -> None:
    answer = start("features").post("/features/technical/X", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["body", *field]
    assert said in error["msg"]
