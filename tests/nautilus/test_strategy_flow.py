"""A running strategy in the flow: what it signals is what it would have traded in a back-test."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from nautilus.engines.strategy.backtest import backtest
from nautilus.engines.strategy.decide import decision
from nautilus.engines.strategy.models import BacktestRequest, Bars
from nautilus.engines.strategy.rules import EmaCross
from nautilus.frame.relay import Message
from nautilus.frame.topics import BREACHES, FACTORS, FEATURES, ORDERS, PREDICTIONS, SIGNALS
from nautilus.market.bars import Interval
from nautilus.market.flow import (
    AllowedOrder,
    Breach,
    FactorBatch,
    FeatureBatch,
    Prediction,
    PredictionBatch,
    Signal,
)
from redis import Redis

from tests.nautilus.servers import eventually
from tests.nautilus.trading import START, walk

Start = Callable[..., TestClient]
RULE = {"kind": "ema_cross", "fast": 3, "slow": 8, "short": True}
CLOSES = walk(120, seed=9)["close"]


class Market:
    """What the other engines say, and what the strategy engine answers."""

    def __init__(self, redis: Redis, client: TestClient, group_lag: Callable[[], int]) -> None:
        self.redis, self.client, self._lag = redis, client, group_lag

    def tell(self, message: Message) -> None:
        self.redis.xadd(message.topic, {"json": message.model_dump_json()})
        eventually(lambda: self._lag() == 0)

    def closes(self, second: int, close: float, symbol: str = "ACME") -> None:
        at = START + timedelta(seconds=second)
        closes = {symbol: close}
        batch = FeatureBatch(
            origin=f"{second}-0", at=at, interval=Interval.S1, closes=closes, features={}
        )
        self.tell(batch)

    def signals(self) -> list[Signal]:
        return [Signal.model_validate_json(e[b"json"]) for _, e in self.redis.xrange(SIGNALS)]

    def allow(self, signal: Signal) -> None:
        self.tell(AllowedOrder.model_validate(signal.model_dump()))

    def refuse(self, signal: Signal) -> None:
        fields = signal.model_dump(exclude={"id"})
        self.tell(Breach(**fields, signal=signal.id, excesses=[], reason="a test refuses it"))

    def strategy(self, name: str, **changed: Any) -> None:
        body = {"id": name, "portfolio": "core", "symbols": ["ACME"], "quantity": 10}
        self.client.post("/strategies", json={**body, "rule": RULE, **changed})
        for step in ("deploy", "start"):
            assert self.client.post(f"/strategies/{name}/{step}").status_code == 200


@pytest.fixture
def market(
    start: Start,
    redis_client: Redis,
    redis_settings: dict[str, Any],
    postgres_settings: dict[str, Any],
) -> Market:
    redis_client.flushall()
    client = start("strategy", **redis_settings, **postgres_settings)
    for running in client.get("/strategies").json():
        client.post(f"/strategies/{running['id']}/stop")

    def lag() -> int:
        groups = [
            group
            for topic in (FEATURES, FACTORS, PREDICTIONS, ORDERS, BREACHES)
            for group in redis_client.xinfo_groups(topic)
        ]
        return sum((group["lag"] or 0) + group["pending"] for group in groups)

    eventually(lambda: redis_client.exists(BREACHES) == 1)
    return Market(redis_client, client, lag)


def test_signals_are_the_trades_of_a_back_test(market: Market) -> None:
    market.strategy("live")
    for second, close in enumerate(CLOSES):
        known = len(market.signals())
        market.closes(second, close)
        for signal in market.signals()[known:]:
            market.allow(signal)
    signals = market.signals()
    bars = {**walk(120, seed=9), "interval": "1m"}
    request = BacktestRequest.model_validate({"rules": [RULE], "bars": bars, "quantity": 10})
    assert isinstance(request.bars, Bars)
    fills = backtest(request.rules[0], request.bars.columns(), request, lambda _: None).fills
    traded = {(f.at - START) // timedelta(minutes=1) - 1: 0.0 for f in fills}
    for fill in fills:
        second = (fill.at - START) // timedelta(minutes=1) - 1
        traded[second] += fill.quantity if fill.side == "buy" else -fill.quantity
    assert len(signals) > 5
    assert {int(s.origin[:-2]): s.order.signed_quantity for s in signals} == traded
    assert [s.order.price for s in signals] == [CLOSES[second] for second in traded]
    assert {(s.strategy, s.portfolio) for s in signals} == {("live", "core")}
    assert market.client.get("/health").json()["signals_given"] == len(signals)


def test_a_refused_order_is_not_held_and_not_repeated(market: Market) -> None:
    market.strategy("refused", rule={**RULE, "short": False})
    second = 0
    rise = [100.0] * 8 + [101.0, 102.0, 103.0]
    for second, close in enumerate(rise):
        market.closes(second, close)
        if market.signals():
            break
    (entry,) = market.signals()
    market.closes(second + 1, 104.0)
    assert market.signals() == [entry], "one wish at a time"
    market.refuse(entry)
    market.refuse(entry)
    market.closes(second + 2, 105.0)
    market.closes(second + 3, 90.0)
    assert market.signals() == [entry], "what was never held is not sold"
    market.closes(second + 4, 120.0)
    assert len(market.signals()) == 2, "a new entry after the rule was out"


def test_a_new_worker_goes_on_with_what_is_held(
    market: Market, start: Start, redis_settings: dict[str, Any], postgres_settings: dict[str, Any]
) -> None:
    market.strategy("moved", rule={"kind": "buy_and_hold"})
    market.closes(0, 100.0)
    (entry,) = market.signals()
    market.allow(entry)
    market.client.__exit__(None, None, None)
    start("strategy", **redis_settings, **postgres_settings)
    market.closes(1, 101.0)
    assert market.signals() == [entry]


def test_a_strategy_begins_with_the_bars_that_are_stored(
    market: Market, start: Start, redis_settings: dict[str, Any], postgres_settings: dict[str, Any]
) -> None:
    marketdata = start("marketdata", **redis_settings, **postgres_settings)
    eventually(lambda: marketdata.get("/health").status_code == 200)
    ticks = [
        {
            "symbol": "WARM",
            "at": (START + timedelta(seconds=second)).isoformat(),
            "price": close,
            "size": 1,
        }
        for second, close in enumerate(CLOSES)
    ]
    assert marketdata.post("/data/ingest", json={"ticks": ticks}).status_code == 201
    market.strategy("warm", symbols=["WARM"])
    # The last bar is open still; the one before it is what the message tells of.
    market.closes(len(CLOSES) - 1, CLOSES[-2], "WARM")
    decide, seen = decision(EmaCross.model_validate(RULE)), [0]
    for close in CLOSES[:-1]:
        seen.append(decide(close, None, seen[-1]) or 0)
    (entry,) = market.signals()
    assert entry.order.signed_quantity == 10 * seen[-1]


def predicts(market: Market, second: int, model: str, expected: float) -> None:
    market.tell(
        PredictionBatch(
            origin=f"{second}-0",
            at=START + timedelta(seconds=second),
            interval=Interval.S1,
            model=model,
            predictions={"ACME": Prediction(expected_return=expected)},
        )
    )


@pytest.mark.parametrize("followed", ["price-2", "price"])
def test_a_model_is_followed_by_its_version_or_by_its_kind(market: Market, followed: str) -> None:
    market.strategy(f"follows-{followed}", rule={"kind": "follow_model", "model": followed})
    market.closes(0, 100.0)
    # What the ml engine says once it has a model of each kind: see test_prediction_flow.
    predicts(market, 0, "price-2,regime-1,volatility-1", 0.01)
    (entry,) = market.signals()
    assert (entry.order.side, entry.order.quantity, entry.order.price) == ("buy", 10, 100.0)
    market.allow(entry)
    market.closes(1, 101.0)
    predicts(market, 1, "price-2", -0.01)
    assert market.signals()[1].order.signed_quantity == -10


@pytest.mark.parametrize("followed", ["price-1", "volatility", "regime-1"])
def test_no_other_models_returns_are_followed(market: Market, followed: str) -> None:
    market.strategy(f"other-{followed}", rule={"kind": "follow_model", "model": followed})
    market.closes(0, 100.0)
    predicts(market, 0, "price-2,regime-1,volatility-1", 0.01)
    assert market.signals() == []


def exposes(market: Market, second: int, momentum: float | None, symbol: str = "ACME") -> None:
    market.tell(
        FactorBatch(
            origin=f"{second}-0",
            at=START + timedelta(seconds=second),
            interval=Interval.S1,
            exposures={symbol: {"momentum": momentum, "volatility": -9.0}},
        )
    )


def test_a_factor_is_followed_beyond_its_threshold(market: Market) -> None:
    market.strategy("leader", rule={"kind": "follow_factor", "factor": "momentum"})
    exposes(market, 0, 2.0)
    assert market.signals() == [], "there is no price yet"
    market.closes(0, 100.0)
    exposes(market, 0, None)
    exposes(market, 0, 0.9)
    exposes(market, 0, 2.0, symbol="OTHER")
    assert market.signals() == []
    exposes(market, 0, 1.1)
    (entry,) = market.signals()
    assert (entry.origin, entry.order.signed_quantity, entry.order.price) == ("0-0", 10, 100.0)
    market.allow(entry)
    market.closes(1, 101.0)
    exposes(market, 1, -0.9)
    assert market.signals() == [entry]
    exposes(market, 1, -1.1)
    assert market.signals()[1].order.signed_quantity == -10


def test_a_factor_that_the_flow_does_not_tell_is_refused(market: Market) -> None:
    body = {"id": "lost", "portfolio": "core", "symbols": ["ACME"], "quantity": 10}
    rule = {"kind": "follow_factor", "factor": "size"}
    answer = market.client.post("/strategies", json={**body, "rule": rule})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "rule", "follow_factor", "factor"]


def test_a_stopped_strategy_says_nothing(market: Market) -> None:
    market.strategy("stopped", rule={"kind": "buy_and_hold"})
    market.client.post("/strategies/stopped/stop")
    market.closes(0, 100.0)
    assert market.signals() == []
    market.client.post("/strategies/stopped/start")
    market.closes(1, 101.0)
    assert len(market.signals()) == 1
