"""Optimal portfolios against skfolio's; outcomes and trades by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from nautilus.engines.portfolio.frontier import FrontierRequest, efficient_frontier
from nautilus.engines.portfolio.models import (
    Objective,
    OptimizeRequest,
    OutcomesRequest,
    RebalanceRequest,
)
from nautilus.engines.portfolio.outcomes import optimize, rebalance, simulate
from scipy import stats
from skfolio import RiskMeasure
from skfolio.optimization import MeanRisk, ObjectiveFunction, RiskBudgeting

Start = Callable[..., TestClient]
GENERATOR = np.random.default_rng(5)
MARKET = GENERATOR.normal(0.0005, 0.008, 300)
HISTORY = np.outer(MARKET, [0.5, 0.8, 1.0, 1.3]) + GENERATOR.normal(
    [0.0002, 0.0003, 0.0004, 0.0006], [0.004, 0.01, 0.006, 0.015], (300, 4)
)
NAMES = ["A", "B", "C", "D"]
RETURNS = {name: HISTORY[:, i].tolist() for i, name in enumerate(NAMES)}


def weights_of(**settings: Any) -> np.ndarray:
    optimized = optimize("p", OptimizeRequest(returns=RETURNS, **settings))
    return np.array(list(optimized.weights.values()))


@pytest.mark.parametrize(
    ("settings", "reference"),
    [
        ({"objective": "minimum_variance"}, MeanRisk()),
        ({"objective": "minimum_variance", "upper": 0.4}, MeanRisk(max_weights=0.4)),
        (
            {"objective": "mean_variance", "risk_aversion": 8.0},
            MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_UTILITY, risk_aversion=4.0),
        ),
        ({"objective": "minimum_cvar"}, MeanRisk(risk_measure=RiskMeasure.CVAR, cvar_beta=0.95)),
        ({"objective": "risk_parity"}, RiskBudgeting(risk_measure=RiskMeasure.VARIANCE)),
    ],
)
def test_weights_are_skfolios(settings: dict[str, Any], reference: Any) -> None:
    np.testing.assert_allclose(weights_of(**settings), reference.fit(HISTORY).weights_, atol=2e-3)


def test_without_bounds_minimum_variance_has_its_closed_form() -> None:
    inverse = np.linalg.solve(np.cov(HISTORY, rowvar=False), np.ones(4))
    ours = weights_of(objective="minimum_variance", lower=-10, upper=10)
    np.testing.assert_allclose(ours, inverse / inverse.sum(), atol=1e-6)


def test_risk_parity_shares_the_risk_evenly() -> None:
    request = OptimizeRequest(returns=RETURNS, objective=Objective.RISK_PARITY)
    assert list(optimize("p", request).risk_shares.values()) == pytest.approx([0.25] * 4, abs=1e-5)


def test_constraints_hold() -> None:
    mean = HISTORY.mean(axis=0)
    floor = float(np.sort(mean)[-2:].mean())
    group = {"symbols": ["A", "C"], "lower": 0.3, "upper": 0.35}
    ours = weights_of(groups=[group], minimum_return=floor * 0.9, lower=-0.5, upper=0.9)
    assert 0.3 - 1e-6 <= ours[0] + ours[2] <= 0.35 + 1e-6
    assert ours @ mean >= floor * 0.9 - 1e-8
    assert ours.sum() == pytest.approx(1)


def test_weights_within_bounds_and_groups_are_skfolios() -> None:
    floor = float(np.sort(HISTORY.mean(axis=0))[-2:].mean()) * 0.9
    group = {"symbols": ["A", "C"], "lower": 0.3, "upper": 0.35}
    ours = weights_of(groups=[group], minimum_return=floor, lower=-0.5, upper=0.9)
    reference = MeanRisk(
        min_weights=-0.5,
        max_weights=0.9,
        min_return=floor,
        groups=[["g", "other", "g", "other"]],
        linear_constraints=["g >= 0.3", "g <= 0.35"],
    )
    np.testing.assert_allclose(ours, reference.fit(HISTORY).weights_, atol=2e-3)


@pytest.mark.parametrize("upper", [1.0, 0.4])
def test_the_frontier_is_skfolios(upper: float) -> None:
    ours = efficient_frontier(FrontierRequest(returns=RETURNS, upper=upper, points=12))
    floors = [point.mean_return for point in ours.points]
    assert floors == sorted(floors)
    for point in ours.points[:-1]:
        reference = MeanRisk(min_return=point.mean_return - 1e-9, max_weights=upper).fit(HISTORY)
        deviation = float((HISTORY @ reference.weights_).std(ddof=1))
        assert point.volatility == pytest.approx(deviation, rel=2e-3)
    best = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RETURN, max_weights=upper)
    weights = list(ours.points[-1].weights.values())
    np.testing.assert_allclose(weights, best.fit(HISTORY).weights_, atol=1e-3)
    assert {each.symbol for each in ours.instruments} == set(NAMES)


@pytest.mark.parametrize(
    ("bounds", "field"),
    [
        ({"upper": 0.2}, "upper"),
        ({"lower": 0.3}, "lower"),
        ({"lower": 0.5, "upper": 0.25}, "lower"),
    ],
)
def test_no_frontier_within_bounds_that_no_weights_meet(
    start: Start, bounds: dict[str, float], field: str
) -> None:
    client = start("portfolio")
    answer = client.post("/portfolios/frontier", json={"returns": RETURNS, **bounds})
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["body", field]
    assert "cannot add to 1" in error["msg"]
    assert client.post("/portfolios/frontier", json={"returns": RETURNS}).status_code == 200


def test_outcomes_have_the_mean_of_independent_draws() -> None:
    request = OutcomesRequest(returns=RETURNS, weights={"A": 0.5, "D": 0.5}, periods=50)
    drawn = simulate(request)
    history = HISTORY[:, [0, 3]].mean(axis=1)
    assert drawn.mean == pytest.approx((1 + history.mean()) ** 50 - 1, abs=0.006)
    values = list(drawn.quantiles.values())
    assert values == sorted(values)
    assert simulate(request) == drawn


def test_outcomes_of_a_coin_are_binomial() -> None:
    """Of a tenth up or a tenth down, 20 times, only how often it was up matters."""
    coin = {"A": [0.1, -0.1] * 50}
    drawn = simulate(
        OutcomesRequest(returns=coin, weights={"A": 1.0}, periods=20, paths=20_000, seed=3)
    )
    ups = stats.binom(20, 0.5)
    value = 1.1 ** np.arange(21) * 0.9 ** np.arange(20, -1, -1) - 1
    for name, found in drawn.quantiles.items():
        # A quantile of 20,000 paths is off by up to some 0.008 of probability.
        least, most = (value[int(ups.ppf(float(name) + by))] for by in (-0.008, 0.008))
        assert least - 1e-9 <= found <= most + 1e-9
    lost = ups.pmf(np.flatnonzero(value < 0)).sum()
    assert drawn.probability_of_loss == pytest.approx(lost, abs=0.015)


def test_trades_reach_the_target() -> None:
    request = RebalanceRequest(
        holdings={"A": 10, "X": 5}, cash=500, prices={"A": 20, "B": 10, "X": 60}
    )
    trades = rebalance("p", {"A": 0.4, "B": 0.6}, request)
    assert trades.equity == 1000
    assert {t.symbol: t.quantity for t in trades.trades} == {"A": 10, "B": 60, "X": -5}


def test_the_engine_keeps_targets_and_counts(start: Start, redis_settings: dict[str, Any]) -> None:
    client = start("portfolio", **redis_settings)
    prices = {"prices": dict.fromkeys(NAMES, 10.0), "cash": 1000}
    assert client.post("/portfolios/new/rebalance", json=prices).status_code == 404
    best = client.post("/portfolios/core/optimize", json={"returns": RETURNS})
    assert best.status_code == 200
    assert best.json() in client.get("/portfolios").json()
    assert client.post("/portfolios/core/rebalance", json=prices).json()["equity"] == 1000
    health = client.get("/health").json()
    assert health["portfolios_managed"] >= 1
    assert (health["optimizations_completed"], health["rebalances_executed"]) == (1, 1)


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"upper": 0.2}, "returns", "no portfolio meets the constraints"),
        ({"minimum_return": 0.5}, "returns", "no portfolio meets the constraints"),
        ({"groups": [{"symbols": ["Z"]}]}, "groups", "no returns for Z"),
        ({"objective": "risk_parity", "upper": 0.5}, "objective", "no room for constraints"),
        ({"returns": {"A": [0.1, 0.2, 0.1], "B": [0.1] * 4}}, "returns", "as many periods"),
    ],
)
def test_bad_input_says_what_is_wrong(start: Start, body: Any, field: str, said: str) -> None:
    answer = start("portfolio").post("/portfolios/p/optimize", json={"returns": RETURNS, **body})
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["body", field]
    assert said in error["msg"]


def test_outcomes_beyond_any_number_are_refused_by_name(start: Start) -> None:
    body = {"returns": {"A": [2.0, 3.0, 4.0]}, "weights": {"A": 10}, "periods": 2_000}
    answer = start("portfolio").post("/portfolios/outcomes", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "returns"]
