"""Factors by hand; exposures and the risk model by scikit-learn; regressions by statsmodels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from nautilus.engines.factor.correlations import correlations
from nautilus.engines.factor.definitions import DEFINITIONS, FactorName
from nautilus.engines.factor.exposures import instrument_factors, universe_factors
from nautilus.engines.factor.models import (
    CalculateRequest,
    CorrelationRequest,
    RegressionRequest,
    RiskModelRequest,
    UniverseRequest,
    Weighting,
)
from nautilus.engines.factor.regression import regression
from nautilus.engines.factor.risk_model import risk_model
from nautilus.engines.factor.universe import Windows
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from tests.nautilus.processes import RunService

Start = Callable[..., TestClient]
GENERATOR = np.random.default_rng(7)
SHORT = {
    "momentum_period": 20,
    "momentum_skip": 4,
    "reversal_period": 5,
    "volatility_period": 10,
    "liquidity_period": 6,
}
WINSOR = 0.1


def instrument(bars: int = 60) -> dict[str, Any]:
    close = GENERATOR.uniform(10, 200) * np.exp(np.cumsum(GENERATOR.normal(0, 0.02, bars)))
    return {
        "close": close.tolist(),
        "volume": GENERATOR.uniform(1e3, 1e5, bars).tolist(),
        "shares_outstanding": float(GENERATOR.uniform(1e6, 1e9)),
        "book_value_per_share": float(GENERATOR.uniform(1, 100)),
        "earnings_per_share": float(GENERATOR.normal(2, 3)),
    }


UNIVERSE = {f"S{i}": instrument() for i in range(30)}
BODY: dict[str, Any] = {"instruments": UNIVERSE, "windows": SHORT, "winsor_quantile": WINSOR}


def by_hand(one: dict[str, Any], age: int = 0) -> dict[str, float]:
    """All factors, with nothing but numpy, as of so many bars ago."""
    end = len(one["close"]) - age
    close, volume = np.array(one["close"])[:end], np.array(one["volume"])[:end]
    returns = np.diff(np.log(close))
    return {
        "momentum": np.log(close[-1 - 4] / close[-1 - 20]),
        "reversal": -np.log(close[-1] / close[-1 - 5]),
        "volatility": returns[-10:].std(ddof=1) * 252**0.5,
        "liquidity": np.log((close * volume)[-6:].mean()),
        "size": np.log(close[-1] * one["shares_outstanding"]),
        "book_to_price": one["book_value_per_share"] / close[-1],
        "earnings_yield": one["earnings_per_share"] / close[-1],
    }


def exposures_by_scikit_learn(age: int, names: list[str]) -> np.ndarray:
    values = np.array([[by_hand(one, age)[name] for name in names] for one in UNIVERSE.values()])
    low, high = np.quantile(values, [WINSOR, 1 - WINSOR], axis=0)
    return np.asarray(StandardScaler().fit_transform(np.clip(values, low, high)))


def test_factors_and_exposures_of_a_universe() -> None:
    computed = universe_factors(UniverseRequest(**BODY))
    assert computed.factors == list(DEFINITIONS)
    expected = [list(by_hand(one).values()) for one in UNIVERSE.values()]
    np.testing.assert_allclose(list(computed.values.values()), expected, rtol=1e-9)
    np.testing.assert_allclose(
        list(computed.exposures.values()),
        exposures_by_scikit_learn(0, list(DEFINITIONS)),
        atol=1e-8,
    )


def test_one_instrument_has_the_exposures_that_it_has_in_the_universe() -> None:
    others = {name: one for name, one in UNIVERSE.items() if name != "S3"}
    request = CalculateRequest(
        instrument=UNIVERSE["S3"], universe=others, windows=SHORT, winsor_quantile=WINSOR
    )
    one = instrument_factors("S3", request)
    everyone = universe_factors(UniverseRequest(**BODY))
    assert list(one.exposures.values()) == pytest.approx(everyone.exposures["S3"])
    assert list(one.values.values()) == everyone.values["S3"]


def test_what_cannot_be_computed_is_null_and_counts_for_nothing() -> None:
    young = {"close": [10.0, 11.0, 12.0]}
    computed = universe_factors(UniverseRequest(**{**BODY, "instruments": UNIVERSE | {"Y": young}}))
    assert computed.values["Y"] == [None] * len(DEFINITIONS)
    np.testing.assert_allclose(
        computed.exposures["S0"], exposures_by_scikit_learn(0, list(DEFINITIONS))[0], atol=1e-8
    )
    alike = universe_factors(
        UniverseRequest(instruments={"A": young, "B": young}, windows=Windows(reversal_period=2))
    )
    assert alike.values["A"][1] == pytest.approx(-np.log(1.2))
    assert alike.exposures["A"] == [None] * len(DEFINITIONS)


prices = st.lists(st.floats(1e-3, 1e6), min_size=3, max_size=12)


@settings(max_examples=50, deadline=None)
@given(prices, st.floats(0.0, 0.3))
def test_exposures_are_a_bounded_standard_score_in_the_order_of_the_values(
    last: list[float], quantile: float
) -> None:
    request = UniverseRequest(
        instruments={f"S{i}": {"close": [1.0, price]} for i, price in enumerate(last)},
        factors=[FactorName.SIZE],
        winsor_quantile=quantile,
    )
    for one in request.instruments.values():
        one.shares_outstanding = 1.0
    computed = universe_factors(request)
    scores = [row[0] for row in computed.exposures.values()]
    if scores[0] is None:
        return
    assert np.mean(scores) == pytest.approx(0, abs=1e-6)
    assert np.std(scores) == pytest.approx(1, abs=1e-6)
    ordered = np.array(scores, dtype=float)[np.argsort(last, kind="stable")]
    assert (np.diff(ordered) >= -1e-6).all()


@pytest.mark.parametrize("weighting", list(Weighting))
def test_factor_returns_are_statsmodels(weighting: Weighting) -> None:
    names = ["momentum", "volatility", "size"]
    ours = regression(RegressionRequest(**BODY, factors=names, periods=12, weighting=weighting))
    assert list(ours.factors) == ["market", *names]
    residuals, earned = [], []
    for period in range(12):
        age = 12 - period
        closes = np.array([one["close"] for one in UNIVERSE.values()])
        returns = closes[:, -age] / closes[:, -age - 1] - 1
        design = sm.add_constant(exposures_by_scikit_learn(age, names))
        if weighting is Weighting.EQUAL:
            fitted = sm.OLS(returns, design).fit()
        else:
            weights = [np.exp(by_hand(one, age)["liquidity"]) for one in UNIVERSE.values()]
            fitted = sm.WLS(returns, design, weights=weights).fit()
        for i, factor in enumerate(ours.factors.values()):
            assert factor.returns[period] == pytest.approx(fitted.params[i], abs=1e-9)
            assert factor.t_values[period] == pytest.approx(fitted.tvalues[i], abs=1e-6)
        assert ours.r_squared[period] == pytest.approx(fitted.rsquared, abs=1e-9)
        assert ours.observations[period] == 30
        earned.append(fitted.params)
        residuals.append(fitted.resid)
    np.testing.assert_allclose(ours.factor_covariance, np.cov(earned, rowvar=False), atol=1e-12)
    np.testing.assert_allclose(
        list(ours.specific_variance.values()), np.var(residuals, axis=0, ddof=1), atol=1e-12
    )
    # Fama and MacBeth's t value is that of a regression of the factor's returns on a constant.
    mean = sm.OLS(np.array(earned)[:, 1], np.ones(12)).fit()
    assert ours.factors["momentum"].mean == pytest.approx(mean.params[0])
    assert ours.factors["momentum"].t_value == pytest.approx(mean.tvalues[0])


def test_a_regression_uses_the_factors_that_all_have_and_the_periods_that_there_are() -> None:
    bare = {name: {"close": one["close"][-30:]} for name, one in UNIVERSE.items()}
    ours = regression(RegressionRequest(instruments=bare, windows=SHORT, periods=500))
    assert list(ours.factors) == ["market", "momentum", "reversal", "volatility"]
    # 30 bars less the 20 of momentum's window give 10 bars with exposures, the last one's unpaid.
    assert len(ours.r_squared) == 9


def test_the_risk_model_is_scikit_learns_components_and_adds_up() -> None:
    market = GENERATOR.normal(0, 0.01, (250, 3))
    returns = market @ GENERATOR.normal(0, 1, (3, 12)) + GENERATOR.normal(0, 0.004, (250, 12))
    columns = {f"S{i}": returns[:, i].tolist() for i in range(12)}
    weights = dict(zip(columns, GENERATOR.normal(0.1, 0.1, 12).tolist(), strict=True))
    ours = risk_model(RiskModelRequest(returns=columns, components=3, weights=weights))
    pca = PCA(n_components=3).fit(returns)
    loadings = np.array(list(ours.loadings.values()))
    np.testing.assert_allclose(np.abs(loadings), np.abs(pca.components_.T), atol=1e-9)
    np.testing.assert_allclose(np.diag(ours.factor_covariance), pca.explained_variance_)
    np.testing.assert_allclose(ours.explained, pca.explained_variance_ratio_)
    specific = np.array(list(ours.specific_variance.values()))
    modelled = loadings @ np.array(ours.factor_covariance) @ loadings.T + np.diag(specific)
    observed = np.cov(returns, rowvar=False)
    np.testing.assert_allclose(np.diag(modelled), np.diag(observed))
    assert ours.portfolio is not None
    held = np.array(list(weights.values()))
    assert ours.portfolio.variance == pytest.approx(held @ modelled @ held)
    assert ours.portfolio.specific_variance == pytest.approx(held**2 @ specific)


def test_the_risk_model_takes_as_many_components_as_it_needs() -> None:
    returns = GENERATOR.normal(0, 0.01, (100, 8))
    columns = {f"S{i}": returns[:, i].tolist() for i in range(8)}
    ours = risk_model(RiskModelRequest(returns=columns, explained=0.7))
    assert ours.components == PCA(n_components=0.7, svd_solver="full").fit(returns).n_components_


def test_correlations_are_numpys_and_scipys() -> None:
    series = GENERATOR.normal(0, 1, (40, 4))
    series[:, 3] = np.round(series[:, 0])
    columns = {f"F{i}": series[:, i].tolist() for i in range(4)}
    ours = correlations(CorrelationRequest(series=columns))
    np.testing.assert_allclose(ours.matrix, np.corrcoef(series, rowvar=False))
    ranked = correlations(CorrelationRequest(series=columns, method="spearman"))
    np.testing.assert_allclose(ranked.matrix, spearmanr(series).statistic)
    flat = correlations(CorrelationRequest(series={"A": [1, 2, 3], "B": [5, 5, 5]}))
    assert flat.matrix == [[pytest.approx(1.0), None], [None, None]]


def test_the_engine_serves_and_counts_them(start: Start) -> None:
    client = start("factor")
    known = {one["name"]: one["needs"] for one in client.get("/factors/definitions").json()}
    assert known["liquidity"] == ["close", "volume"]
    one = client.post("/factors/calculate/A", json={"instrument": UNIVERSE["S1"], "windows": SHORT})
    assert one.json()["values"] == pytest.approx(by_hand(UNIVERSE["S1"]))
    assert client.post("/factors/universe", json=BODY).status_code == 200
    regressed = client.post("/factors/regression", json=BODY | {"periods": 5})
    assert len(regressed.json()["factors"]) == 8
    returns = {"A": [0.1, 0.2, -0.1], "B": [0.0, 0.1, 0.1]}
    assert client.post("/factors/risk-model", json={"returns": returns}).status_code == 200
    assert client.post("/factors/correlations", json={"series": returns}).status_code == 200
    health = client.get("/health").json()
    assert health["factors_calculated"] == 7 + 30 * 7 + 8 * 5
    assert health["calculation_rate"] > 0
    assert health["queue_size"] == 0
    assert health["factor_definitions_loaded"] == len(known)


FLAT = {"A": [0.1, 0.1, 0.1], "B": [0.0, 0.0, 0.0]}
TWO = {"A": UNIVERSE["S1"], "B": UNIVERSE["S2"]}


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("universe", BODY | {"factors": ["magic"]}, "factors"),
        ("universe", {"instruments": {"A": {"close": [1.0, -2.0]}, "B": UNIVERSE["S1"]}}, "close"),
        ("universe", {"instruments": TWO, "windows": {"momentum_period": 20}}, "momentum_skip"),
        ("calculate/A", {"instrument": {"close": [1, 2], "volume": [1]}}, "same length"),
        ("regression", BODY | {"instruments": TWO}, "instruments: no period has more than 8"),
        ("regression", BODY | {"weighting": "magic"}, "weighting"),
        ("risk-model", {"returns": FLAT}, "returns: none of them varies"),
        ("risk-model", {"returns": FLAT, "weights": {"Z": 1}}, "no returns for Z"),
        ("correlations", {"series": {"A": [1, 2], "B": [1, 2, 3]}}, "series: all need"),
    ],
)
def test_bad_input_says_what_is_wrong(start: Start, path: str, body: Any, said: str) -> None:
    answer = start("factor").post(f"/factors/{path}", json=body)
    assert answer.status_code == 422
    assert said in answer.text


def test_factors_that_are_one_another_are_refused(start: Start) -> None:
    # Nothing but the price tells these apart, so size and the yields say the same.
    same = {
        name: one | {"book_value_per_share": 1.0, "earnings_per_share": 1.0}
        for name, one in UNIVERSE.items()
    }
    body = BODY | {"instruments": same, "factors": ["book_to_price", "earnings_yield"]}
    answer = start("factor").post("/factors/regression", json=body)
    assert answer.status_code == 422
    assert "factors: one is a mixture of the others" in answer.text


def test_the_engine_computes_on_openblas(run: RunService) -> None:
    # As its process sees it: this one has loaded other libraries, too.
    assert "openblas" in run("factor").health()["threads"]
