"""Limits by hand; value at risk against closed forms and scipy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from nautilus.engines.risk.limits import CheckRequest, Limits, find_excesses
from nautilus.engines.risk.value_at_risk import Method, VarRequest, value_at_risk
from scipy import integrate, stats

from tests.nautilus.servers import RedisServer, eventually

Start = Callable[..., TestClient]
ORDER = {"symbol": "AAPL", "side": "buy", "quantity": 100, "price": 200.0}


def excess_names(limits: dict[str, float], **request: Any) -> list[str]:
    book = Limits(portfolio="p", **limits)
    return [e.limit for e in find_excesses(book, CheckRequest(order=ORDER, **request))]


def test_each_limit_binds_above_its_threshold_only() -> None:
    held = {"AAPL": {"quantity": 10, "price": 200}, "MSFT": {"quantity": -50, "price": 400}}
    # Order 20,000; AAPL after it 22,000; gross 42,000.
    assert excess_names({"max_order_notional": 20_000}, positions=held) == []
    assert excess_names({"max_order_notional": 19_999}, positions=held) == ["max_order_notional"]
    assert excess_names({"max_position_notional": 22_000}, positions=held) == []
    assert excess_names({"max_position_notional": 21_999}, positions=held) == [
        "max_position_notional"
    ]
    assert excess_names({"max_gross_notional": 42_000}, positions=held) == []
    assert excess_names({"max_gross_notional": 41_999}, positions=held) == ["max_gross_notional"]
    assert excess_names({"max_leverage": 4.2}, positions=held, equity=10_000) == []
    assert excess_names({"max_leverage": 4.1}, positions=held, equity=10_000) == ["max_leverage"]


def test_an_order_that_reduces_a_position_lowers_its_exposure() -> None:
    held = {"AAPL": {"quantity": -150, "price": 200}}
    assert (
        excess_names(
            {"max_position_notional": 10_000, "max_gross_notional": 10_000}, positions=held
        )
        == []
    )


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.floats(-1e6, 1e6)), max_size=6))
def test_gross_is_never_below_any_single_position(held: list[tuple[str, float]]) -> None:
    positions = {name: {"quantity": quantity, "price": 1} for name, quantity in held}
    request = CheckRequest(order=ORDER, positions=positions)
    excesses = find_excesses(
        Limits(portfolio="p", max_position_notional=1e-9, max_gross_notional=1e-9), request
    )
    values = {excess.limit: excess.value for excess in excesses}
    assert values["max_gross_notional"] >= values.get("max_position_notional", 0)


def sample(assets: int, periods: int = 1500) -> Any:
    generator = np.random.default_rng(7)
    mixing = generator.normal(size=(assets, assets))
    return generator.normal(0.0004, 0.01, (periods, assets)) @ mixing * 0.3


def ask(returns: Any, weights: Any, **options: Any) -> tuple[float, float]:
    request = VarRequest(returns=returns.tolist(), weights=list(weights), **options)
    result = value_at_risk(request)
    return result.value_at_risk, result.expected_shortfall


@pytest.mark.parametrize("confidence", [0.9, 0.975, 0.99])
def test_parametric_is_the_normal_quantile_and_its_tail_mean(confidence: float) -> None:
    returns, weights = sample(3), np.array([0.5, 0.3, 0.2])
    var, shortfall = ask(
        returns, weights, method=Method.PARAMETRIC, confidence=confidence, horizon_periods=5
    )
    series = returns @ weights
    losses = stats.norm(-5 * series.mean(), np.sqrt(5) * series.std(ddof=1))
    assert var == pytest.approx(losses.ppf(confidence))
    tail, _ = integrate.quad(
        lambda x: x * losses.pdf(x), losses.ppf(confidence), losses.ppf(1 - 1e-14)
    )
    assert shortfall == pytest.approx(tail / (1 - confidence), rel=1e-6)


def test_historical_is_scipys_quantile_and_the_mean_beyond_it() -> None:
    returns, weights = sample(2), np.array([0.6, 0.4])
    var, shortfall = ask(returns, weights, confidence=0.95)
    losses = -(returns @ weights)
    assert var == pytest.approx(float(stats.mstats.mquantiles(losses, 0.95, 1, 1)[0]))
    assert shortfall == pytest.approx(losses[losses >= var].mean())


def test_historical_over_a_horizon_sums_the_returns_as_they_came() -> None:
    series = sample(1)[:, 0]
    var, _ = ask(series[:, None], [1.0], confidence=0.95, horizon_periods=3)
    sums = [-series[i : i + 3].sum() for i in range(len(series) - 2)]
    assert var == pytest.approx(np.quantile(sums, 0.95))


@pytest.mark.parametrize("freedom", [None, 5.0])
def test_monte_carlo_meets_the_closed_form(freedom: float | None) -> None:
    returns, weights = sample(4), np.array([0.4, 0.3, 0.2, 0.1])
    var, shortfall = ask(
        returns,
        weights,
        method=Method.MONTE_CARLO,
        confidence=0.99,
        paths=1_000_000,
        seed=3,
        horizon_periods=10,
        degrees_of_freedom=freedom,
    )
    series = returns @ weights
    mean, deviation = -10 * series.mean(), np.sqrt(10) * series.std(ddof=1)
    if freedom is None:
        quantile = stats.norm.ppf(0.99)
        tail = stats.norm.pdf(quantile) / 0.01
    else:
        quantile = stats.t.ppf(0.99, freedom)
        tail = stats.t.pdf(quantile, freedom) / 0.01 * (freedom + quantile**2) / (freedom - 1)
        deviation *= np.sqrt((freedom - 2) / freedom)
    assert var == pytest.approx(mean + deviation * quantile, rel=0.01)
    assert shortfall == pytest.approx(mean + deviation * tail, rel=0.015)


def test_monte_carlo_repeats_itself_with_its_seed() -> None:
    options = {"method": Method.MONTE_CARLO, "paths": 30_000}
    assert ask(sample(2), [1, 1], seed=1, **options) == ask(sample(2), [1, 1], seed=1, **options)
    assert ask(sample(2), [1, 1], seed=1, **options) != ask(sample(2), [1, 1], seed=2, **options)


def test_an_order_is_checked_refused_and_published(
    start: Start, redis_settings: dict[str, Any]
) -> None:
    client, other = start("risk", **redis_settings), start("risk", **redis_settings)
    eventually(lambda: other.post("/risk/check/none", json={"order": ORDER}).status_code == 404)
    limits = {"portfolio": "p1", "max_order_notional": 10_000}
    assert client.post("/risk/limits", json=limits).status_code == 201
    # Another worker has them too, by itself.
    eventually(lambda: [li["portfolio"] for li in other.get("/risk/limits").json()] == ["p1"])
    small = {"order": {**ORDER, "quantity": 50}}
    assert other.post("/risk/check/p1", json=small).json() == {
        "portfolio": "p1",
        "allowed": True,
        "excesses": [],
    }
    refused = other.post("/risk/check/p1", json={"order": ORDER}).json()
    assert refused["allowed"] is False
    assert refused["excesses"] == [
        {"limit": "max_order_notional", "value": 20_000, "threshold": 10_000}
    ]
    (breach,) = client.get("/risk/breaches").json()
    assert (breach["portfolio"], breach["order"]) == ("p1", {**ORDER, "side": "buy"})
    eventually(lambda: other.get("/health").json()["active_breaches"] == 1)
    health = other.get("/health").json()
    assert (health["risk_checks_processed"], health["breaches_detected"]) == (2, 1)
    assert health["active_limits"] == 1


def test_limits_come_back_with_redis(
    start: Start, redis_settings: dict[str, Any], redis_process: RedisServer
) -> None:
    client = start("risk", **redis_settings)
    eventually(lambda: client.post("/risk/check/p2", json={"order": ORDER}).status_code == 404)
    redis_process.stop()
    try:
        refused = client.post("/risk/limits", json={"portfolio": "p2"})
        assert refused.status_code == 503
        assert "a store is away" in refused.json()["detail"]
    finally:
        redis_process.start()

    def is_set() -> bool:
        return client.post("/risk/limits", json={"portfolio": "p2"}).status_code == 201

    eventually(is_set)
    eventually(lambda: set(client.get("/health").json()["background"].values()) == {"running"})
    assert client.post("/risk/check/p2", json={"order": ORDER}).json()["allowed"] is True


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/risk/check/p", {"order": {**ORDER, "quantity": 0}}, "quantity"),
        ("/risk/check/p", {"order": {**ORDER, "side": "hold"}}, "side"),
        ("/risk/limits", {"portfolio": "a b"}, "portfolio"),
        ("/risk/limits", {"portfolio": "p", "max_leverage": -1}, "max_leverage"),
        ("/risk/var", {"returns": [[0.1]], "weights": [1]}, "returns"),
        ("/risk/var", {"returns": [[0.1], [0.1]], "weights": [1], "confidence": 1}, "confidence"),
    ],
)
def test_bad_input_names_the_field(start: Start, path: str, body: Any, field: str) -> None:
    answer = start("risk").post(path, json=body)
    assert answer.status_code == 422
    assert field in answer.json()["detail"][0]["loc"]


def test_var_is_served(start: Start) -> None:
    body = {"returns": sample(2, 100).tolist(), "weights": [0.5, 0.5], "method": "parametric"}
    answer = start("risk").post("/risk/var", json=body)
    assert answer.status_code == 200
    assert 0 < answer.json()["value_at_risk"] < answer.json()["expected_shortfall"]


def test_rows_of_another_width_are_refused(start: Start) -> None:
    body = {"returns": [[0.1, 0.2], [0.1]], "weights": [0.5, 0.5]}
    answer = start("risk").post("/risk/var", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["body", "returns"]
    assert "as many numbers" in error["msg"]
