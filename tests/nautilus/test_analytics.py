"""A track record's figures against empyrical's; attribution by its identity."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from nautilus.engines.analytics.attribution import AttributionRequest, Segment, attribute
from nautilus.engines.analytics.performance import TrackRecord, deepest_drawdown, measure
from scipy import stats

from tests.nautilus.servers import eventually

Start = Callable[..., TestClient]
GENERATOR = np.random.default_rng(11)
MARKET = GENERATOR.normal(0.0004, 0.01, 1500)
RETURNS = 0.8 * MARKET + GENERATOR.standard_t(4, 1500) * 0.005


@pytest.mark.parametrize("risk_free", [0.0, 0.0001])
def test_figures_are_empyricals(risk_free: float) -> None:
    ep = pytest.importorskip("empyrical")
    ours = measure(
        TrackRecord(returns=RETURNS.tolist(), benchmark=MARKET.tolist(), risk_free=risk_free)
    )
    assert ours.total_return == pytest.approx(ep.cum_returns_final(RETURNS))
    assert ours.annual_return == pytest.approx(ep.annual_return(RETURNS))
    assert ours.annual_volatility == pytest.approx(ep.annual_volatility(RETURNS))
    assert ours.sharpe == pytest.approx(ep.sharpe_ratio(RETURNS, risk_free))
    assert ours.sortino == pytest.approx(ep.sortino_ratio(RETURNS, risk_free))
    assert ours.calmar == pytest.approx(ep.calmar_ratio(RETURNS))
    assert ours.drawdown.depth == pytest.approx(ep.max_drawdown(RETURNS))
    assert ours.tail_ratio == pytest.approx(ep.tail_ratio(RETURNS))
    assert ours.value_at_risk == pytest.approx(-ep.value_at_risk(RETURNS, 0.05))
    assert ours.benchmark is not None
    assert ours.benchmark.beta == pytest.approx(ep.beta(RETURNS, MARKET, risk_free))
    assert ours.benchmark.alpha == pytest.approx(ep.alpha(RETURNS, MARKET, risk_free))


def test_shape_and_tail_are_scipys() -> None:
    ours = measure(TrackRecord(returns=RETURNS.tolist(), benchmark=MARKET.tolist()))
    assert ours.skewness == pytest.approx(stats.skew(RETURNS))
    assert ours.excess_kurtosis == pytest.approx(stats.kurtosis(RETURNS))
    worst = RETURNS[np.quantile(RETURNS, 0.05) >= RETURNS]
    assert ours.expected_shortfall == pytest.approx(-worst.mean())
    assert ours.benchmark is not None
    assert ours.benchmark.correlation == pytest.approx(np.corrcoef(RETURNS, MARKET)[0, 1])


@pytest.mark.parametrize(
    ("returns", "depth", "peak", "valley", "recovery"),
    [
        ([0.1, -0.5, 0.2, 1.0], -0.5, 0, 1, 3),
        ([-0.1, -0.1, 0.05], -0.19, -1, 1, None),
        ([0.1, 0.1], 0.0, -1, -1, -1),
    ],
)
def test_the_deepest_drawdown_has_its_places(
    returns: list[float], depth: float, peak: int, valley: int, recovery: int | None
) -> None:
    found = deepest_drawdown(np.array(returns))
    assert found.depth == pytest.approx(depth)
    assert (found.peak, found.valley, found.recovery) == (peak, valley, recovery)


def test_a_record_without_risk_has_no_ratios() -> None:
    flat = measure(TrackRecord(returns=[0.0] * 10, benchmark=[0.0] * 10))
    assert (flat.sharpe, flat.sortino, flat.calmar, flat.tail_ratio) == (None,) * 4
    assert flat.benchmark is not None
    assert (flat.benchmark.beta, flat.benchmark.alpha) == (None, None)


def test_a_return_beyond_all_numbers_is_null() -> None:
    soaring = measure(TrackRecord(returns=[1.0, -0.5, 1e6], periods_per_year=525_600))
    assert soaring.total_return == pytest.approx(1e6)
    assert (soaring.annual_return, soaring.calmar) == (None, None)


def test_effects_add_to_the_active_return() -> None:
    generator = np.random.default_rng(3)
    ours, theirs = generator.dirichlet(np.ones(6), 2)
    moves = generator.normal(0, 0.1, (6, 2))
    segments = [
        {
            "name": str(i),
            "portfolio_weight": ours[i],
            "portfolio_return": moves[i, 0],
            "benchmark_weight": theirs[i],
            "benchmark_return": moves[i, 1],
        }
        for i in range(6)
    ]
    result = attribute(AttributionRequest.model_validate({"segments": segments}))
    whole = sum(e.allocation + e.selection + e.interaction for e in result.effects)
    assert whole == pytest.approx(result.active_return)
    assert result.active_return == pytest.approx(ours @ moves[:, 0] - theirs @ moves[:, 1])


def test_effects_are_those_of_a_worked_example() -> None:
    """The benchmark returns 4.2 %; a tenth more is in what does better than that."""
    rows = [("shares", 0.7, 0.06, 0.6, 0.05), ("bonds", 0.3, 0.02, 0.4, 0.03)]
    segments = [dict(zip(Segment.model_fields, row, strict=True)) for row in rows]
    shares, bonds = attribute(AttributionRequest.model_validate({"segments": segments})).effects
    assert (shares.allocation, bonds.allocation) == pytest.approx((0.0008, 0.0012))
    assert (shares.selection, bonds.selection) == pytest.approx((0.006, -0.004))
    assert (shares.interaction, bonds.interaction) == pytest.approx((0.001, 0.001))


def test_the_engine_serves_and_counts(start: Start) -> None:
    client = start("analytics")
    answer = client.post("/analytics/performance/p1", json={"returns": RETURNS.tolist()})
    assert answer.status_code == 200
    assert (answer.json()["portfolio"], answer.json()["benchmark"]) == ("p1", None)
    moved = client.post(
        "/analytics/turnover", json={"weights": [{"A": 1}, {"A": 0.5, "B": 0.5}, {"B": 1}]}
    )
    assert moved.json() == {"by_rebalance": [0.5, 0.5], "mean": 0.5}
    assert client.get("/health").json()["processed_count"] == 2


def test_an_instrument_is_judged_by_its_stored_bars(
    start: Start, redis_settings: dict[str, Any], postgres_settings: dict[str, Any]
) -> None:
    stores = {**redis_settings, **postgres_settings}
    market, client = start("marketdata", **stores), start("analytics", **stores)
    eventually(lambda: market.get("/symbols").status_code == 200)
    closes = [100.0, 101.0, 99.0, 102.0]
    ticks = [
        {"symbol": "ANA", "at": f"2026-03-02T10:0{i}:00Z", "price": price, "size": 1}
        for i, price in enumerate(closes)
    ]
    assert market.post("/data/ingest", json={"ticks": ticks}).status_code == 201
    judged = client.get("/analytics/symbol/ANA").json()
    assert (judged["periods"], judged["last_price"]) == (3, 102.0)
    assert judged["total_return"] == pytest.approx(0.02)
    assert judged["annual_return"] is None
    shown = client.get("/analytics/technical-indicators/ANA").json()
    assert shown["features"]["rsi"] == [None]
    assert client.get("/analytics/symbol/NONE").status_code == 404


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"returns": [0.1]}, ["returns"], "at least 2"),
        ({"returns": [0.1, -1.0]}, ["returns", 1], "greater than -1"),
        ({"returns": [0.1, 0.2], "benchmark": [0.1] * 3}, ["benchmark"], "as many periods"),
    ],
)
def test_bad_input_says_what_is_wrong(
    start: Start, body: Any, field: list[str | int], said: str
) -> None:
    answer = start("analytics").post("/analytics/performance/p", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert error["loc"] == ["body", *field]
    assert said in error["msg"]
