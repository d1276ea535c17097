"""The strategy engine: strategies' states, and back-tests as jobs that a kill does not lose."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from nautilus.engines.strategy.backtest import backtest
from nautilus.engines.strategy.models import BacktestRequest, Bars

from tests.nautilus.processes import RunService, backtesting
from tests.nautilus.servers import eventually
from tests.nautilus.trading import walk

Start = Callable[..., TestClient]
ENDED = {"done", "failed", "cancelled"}


def ended(client: Any, accepted: Any, within_s: float = 60.0) -> dict[str, Any]:
    assert accepted.status_code == 202, accepted.text
    address = accepted.headers["location"]
    eventually(lambda: client.get(address).json()["state"] in ENDED, within_s)
    return dict(client.get(address).json())


def definition(name: str, **changed: Any) -> dict[str, Any]:
    fields = {"id": name, "portfolio": "core", "symbols": ["ACME"], "quantity": 10}
    return {**fields, "rule": {"kind": "ema_cross"}, **changed}


def test_a_strategy_is_created_deployed_started_and_stopped(
    start: Start, postgres_settings: dict[str, Any]
) -> None:
    client = start("strategy", **postgres_settings)
    before = client.get("/health").json()
    created = client.post("/strategies", json=definition("cross"))
    assert (created.status_code, created.json()["state"]) == (201, "created")
    assert created.json()["rule"] == {
        "kind": "ema_cross", "fast": 10, "slow": 20, "short": False,
    }  # fmt: skip
    assert client.post("/strategies", json=definition("cross")).status_code == 409
    for early in ("start", "stop"):
        assert client.post(f"/strategies/cross/{early}").status_code == 409
    steps = ["deploy", "deploy", "start", "start", "deploy", "stop", "stop"]
    states = [client.post(f"/strategies/cross/{step}").json()["state"] for step in steps]
    assert states == ["deployed", "deployed", "running", "running", "running"] + 2 * ["deployed"]
    assert client.post("/strategies/other/deploy").status_code == 404
    assert client.get("/strategies/cross").json() in client.get("/strategies").json()
    # A fresh client, because health is asked at most twice a second.
    health = start("strategy", **postgres_settings).get("/health").json()
    assert health["strategies_deployed"] == before["strategies_deployed"] + 1
    assert health["active_strategies"] == before["active_strategies"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"id": "a b"}, "id"),
        ({"symbols": []}, "symbols"),
        ({"quantity": 0}, "quantity"),
        ({"rule": {"kind": "rsi_reversion", "oversold": 60}}, "oversold"),
    ],
)
def test_a_bad_strategy_says_what_is_wrong(start: Start, changed: Any, said: str) -> None:
    answer = start("strategy").post("/strategies", json=definition("s", **changed))
    assert answer.status_code == 422
    assert said in answer.text


def test_a_back_test_is_a_job_with_a_result(
    start: Start, postgres_settings: dict[str, Any]
) -> None:
    client = start("strategy", **postgres_settings)
    kinds = ["buy_and_hold", "ema_cross", "rsi_reversion", "bollinger_reversion"]
    body = {"rules": [{"kind": kind} for kind in kinds], "bars": walk(300), "points": 300}
    done = ended(client, client.post("/backtests", json=body))
    assert (done["state"], done["progress"]) == ("done", 1.0)
    request = BacktestRequest.model_validate(body)
    assert isinstance(request.bars, Bars)
    for rule, outcome in zip(request.rules, done["result"]["outcomes"], strict=True):
        single = backtest(rule, request.bars.columns(), request, lambda _: None)
        assert outcome == single.model_dump(mode="json")
    assert client.get("/backtests").json()[0]["id"] == done["id"]
    # Of another test that ended in the middle of one this engine may have taken that over as well.
    assert client.get("/health").json()["tests_completed"] >= 4


def test_stored_bars_are_tested(
    start: Start, postgres_settings: dict[str, Any], redis_settings: dict[str, Any]
) -> None:
    marketdata = start("marketdata", **postgres_settings, **redis_settings)
    eventually(lambda: marketdata.get("/health").status_code == 200)
    prices = [50.0, 51.0, 49.5, 52.25]
    ticks = [
        {"symbol": "STORED", "at": f"2026-01-05T00:0{i}:30Z", "price": price, "size": 1}
        for i, price in enumerate(prices)
    ]
    assert marketdata.post("/data/ingest", json={"ticks": ticks}).status_code == 201
    client = start("strategy", **postgres_settings)
    bars = {"symbol": "STORED", "interval": "1m"}
    body = {"rules": [{"kind": "buy_and_hold"}], "bars": bars, "quantity": 100}
    (outcome,) = ended(client, client.post("/backtests", json=body))["result"]["outcomes"]
    assert [point["equity"] for point in outcome["curve"]] == [
        100_000 + 100 * (price - 50) for price in prices
    ]
    body["bars"] = {"symbol": "NOBODY", "interval": "1m"}
    failed = ended(client, client.post("/backtests", json=body))
    assert failed["error"] == "0 bars of NOBODY are stored: a test needs 2"


def test_a_job_outlives_its_process_and_its_worker(
    run: RunService, postgres_settings: dict[str, Any]
) -> None:
    service = run(
        "strategy",
        DATABASE_URL=str(postgres_settings["database_url"]),
        POSTGRES_PASSWORD_FILE=str(postgres_settings["postgres_password_file"]),
        JOB_LEASE_S="1",
    )
    body = {"rules": [{"kind": "ema_cross"}], "bars": walk(10_000), "points": 10}
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", timeout=30) as client:
        accepted = client.post("/backtests", json=body)
        address = accepted.headers["location"]

        def is_computing() -> bool:
            return bool(client.get(address).json()["progress"] > 0)

        eventually(is_computing, within_s=60)
        (worker,) = service.workers()
        (process,) = backtesting(worker)
        os.kill(process, signal.SIGKILL)
        eventually(lambda: [p for p in backtesting(worker) if p != process] != [], within_s=60)
        eventually(is_computing, within_s=60)
        (process,) = backtesting(worker)
        os.kill(worker, signal.SIGKILL)
        # Nobody waits for what it computes.
        eventually(lambda: not Path(f"/proc/{process}").exists(), within_s=30)
        eventually(service.answers)
        assert client.get(address).json()["state"] in ("queued", "running")
        done = ended(client, accepted, within_s=120)
    assert (done["state"], done["attempts"]) == ("done", 2)
    request = BacktestRequest.model_validate(body)
    assert isinstance(request.bars, Bars)
    single = backtest(request.rules[0], request.bars.columns(), request, lambda _: None)
    assert done["result"]["outcomes"] == [single.model_dump(mode="json")]
