"""The data flow through the engines: one batch of ticks followed from bars to performance."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from fastapi.testclient import TestClient
from nautilus.catalogue import load
from nautilus.frame.app import create_app
from nautilus.frame.relay import Message
from nautilus.frame.settings import Settings
from nautilus.market.bars import Bar, Interval, periods_per_year
from nautilus.market.batch import compute_features
from nautilus.market.flow import (
    FLOW_INTERVAL,
    AllowedOrder,
    BarBatch,
    Breach,
    FeatureBatch,
    PerformanceUpdate,
    Positions,
    Signal,
)
from nautilus.market.indicators import DEFINITIONS
from nautilus.market.orders import Order, Side
from nautilus.market.series import Bars, Parameters
from redis import Redis

from tests.nautilus.servers import PostgresServer, RedisServer, eventually

MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
M = TypeVar("M", bound=Message)


class Stage:
    """Engines on real stores, and what they told each other."""

    def __init__(self, redis: Redis, stores: dict[str, Any]) -> None:
        self.redis, self._stores = redis, stores
        self.running = ExitStack()

    def engine(self, name: str) -> TestClient:
        settings = Settings(service=name, **self._stores)
        client = self.running.enter_context(TestClient(create_app(load(name)(settings))))
        eventually(lambda: client.get("/health").status_code == 200)
        return client

    def tell(self, message: Message) -> None:
        self.redis.xadd(message.topic, {"json": message.model_dump_json()})

    def told(self, model: type[M]) -> list[M]:
        return [model.model_validate_json(e[b"json"]) for _, e in self.redis.xrange(model.topic)]

    def hears(self, model: type[M], count: int) -> list[M]:
        """The messages on a topic, once there are so many; more would be wrong."""
        eventually(lambda: len(self.told(model)) >= count)
        found = self.told(model)
        assert len(found) == count
        return found


@pytest.fixture
def stage(
    redis_client: Redis,
    redis_settings: dict[str, Any],
    postgres_settings: dict[str, Any],
) -> Iterator[Stage]:
    redis_client.flushall()
    stage = Stage(redis_client, {**redis_settings, **postgres_settings})
    with stage.running:
        yield stage
    redis_client.flushall()


def bars(second: int, closes: dict[str, float], ticks: int = 1) -> BarBatch:
    at = MORNING + timedelta(seconds=second)
    made = [
        Bar(
            symbol=symbol,
            interval=interval,
            at=at,
            open=close,
            high=close + 1,
            low=close - 1,
            close=close,
            volume=1,
            ticks=ticks,
        )
        for symbol, close in closes.items()
        for interval in (Interval.S1, Interval.M1)
    ]
    return BarBatch(origin=f"{second}-{ticks}", at=at + timedelta(milliseconds=ticks), bars=made)


def signal(portfolio: str, number: int, quantity: float = 10, price: float = 100.0) -> Signal:
    """A purchase of an instrument of the portfolio's own: accounts outlive their test."""
    return Signal(
        origin=f"{number}-1",
        at=MORNING + timedelta(seconds=number),
        id=f"s:{portfolio}:{number}",
        strategy="s",
        portfolio=portfolio,
        order=Order(symbol=portfolio, side=Side.BUY, quantity=quantity, price=price),
    )


def test_features_are_told_of_closed_bars_and_are_those_of_a_request(stage: Stage) -> None:
    closes = [100 + (i * 7919 % 13) / 4 for i in range(60)]
    stage.engine("features")
    for second, close in enumerate(closes):
        stage.tell(bars(second, {"A": close - 0.5}))
        stage.tell(bars(second, {"A": close}, ticks=2))
        # An older state of the bar, as concurrent writers may leave it: changes nothing.
        stage.tell(bars(second, {"A": 1.0}, ticks=1))
    found = stage.hears(FeatureBatch, 59)
    assert [f.origin for f in found] == [f"{second}-1" for second in range(1, 60)]
    assert [f.closes for f in found] == [{"A": close} for close in closes[:59]]
    window = Bars(
        high=[c + 1 for c in closes[:59]], low=[c - 1 for c in closes[:59]], close=closes[:59]
    )
    parameters = Parameters(periods_per_year=periods_per_year(FLOW_INTERVAL))
    expected = compute_features({"A": window}, list(DEFINITIONS), parameters, last=1)["A"]
    assert found[-1].features["A"] == {n: pytest.approx(c[0]) for n, c in expected.items()}
    assert None not in found[-1].features["A"].values()


def test_features_go_on_where_a_former_worker_ended(stage: Stage) -> None:
    stage.engine("features")
    for second in range(40):
        stage.tell(bars(second, {"A": 100 + second % 7, "B": 50 + second % 5}))
    stage.hears(FeatureBatch, 39)
    stage.running.close()
    stage.tell(bars(40, {"A": 101, "B": 51}))
    stage.engine("features")
    last = stage.hears(FeatureBatch, 40)[-1]
    assert last.origin == "40-1"
    assert None not in last.features["A"].values()
    assert None not in last.features["B"].values()


def test_a_signal_is_allowed_once_or_refused_with_a_reason(stage: Stage) -> None:
    risk, portfolio = stage.engine("risk"), stage.engine("portfolio")
    limits = {"portfolio": "rp", "max_position_notional": 2_500}
    assert risk.post("/risk/limits", json=limits).status_code == 201
    stage.tell(signal("nobody", 1))
    stage.tell(signal("rp", 2))
    assert [b.reason for b in stage.hears(Breach, 2)] == [
        "the portfolio has no limits",
        "the portfolio is not open",
    ]
    assert portfolio.post("/portfolios/rp/open", json={"cash": 10_000}).status_code == 201
    assert portfolio.post("/portfolios/rp/open", json={"cash": 10_000}).status_code == 409
    # Two at once: the second is judged with the first, whether that is filled by then or not.
    for number in (3, 3, 4, 5):
        stage.tell(signal("rp", number))
    assert [o.id for o in stage.hears(AllowedOrder, 2)] == ["s:rp:3", "s:rp:4"]
    breach = stage.hears(Breach, 3)[-1]
    assert (breach.signal, breach.origin) == ("s:rp:5", "5-1")
    assert [(e.limit, e.value) for e in breach.excesses] == [("max_position_notional", 3_000)]
    # /health may be half a second old.
    eventually(lambda: risk.get("/health").json()["risk_checks_processed"] == 5)
    assert risk.get("/health").json()["breaches_detected"] == 3
    assert len(risk.get("/risk/breaches").json()) == 3


def test_orders_are_filled_once_and_positions_follow_the_price(stage: Stage) -> None:
    engine = stage.engine("portfolio")
    assert engine.get("/portfolios/pp/positions").status_code == 404
    engine.post("/portfolios/pp/open", json={"cash": 10_000})
    order = AllowedOrder.model_validate(signal("pp", 1).model_dump())
    stage.tell(order)
    stage.tell(order)
    opened, filled, again = stage.hears(Positions, 3)
    assert (opened.cash, opened.equity, opened.positions) == (10_000, 10_000, {})
    assert (filled.orders, filled.origin) == (("s:pp:1",), "1-1")
    assert (filled.cash, filled.equity, filled.positions["pp"].quantity) == (9_000, 10_000, 10)
    assert again.model_dump() == filled.model_dump()
    stage.tell(bars(5, {"pp": 110}))
    stage.tell(bars(5, {"pp": 111}, ticks=2))
    stage.tell(bars(6, {"pp": 112, "B": 1}))
    assert [p.equity for p in stage.hears(Positions, 5)[3:]] == [10_100, 10_120]
    assert engine.get("/portfolios/pp/positions").json()["equity"] == 10_120
    # A worker that takes over knows all that from its stores.
    stage.running.close()
    after = stage.engine("portfolio")
    sale = signal("pp", 7, price=120)
    sale.order.side = Side.SELL
    stage.tell(AllowedOrder.model_validate(sale.model_dump()))
    last = stage.hears(Positions, 6)[-1]
    assert (last.cash, last.equity, last.positions) == (10_200, 10_200, {})
    assert after.get("/portfolios/pp/positions").json()["cash"] == 10_200


def test_performance_is_that_of_the_equity_curve(stage: Stage) -> None:
    engine = stage.engine("analytics")
    curve = [100.0, 110.0, 99.0, 104.0, 103.0]
    for second, equity in enumerate(curve):
        state = {"portfolio": "ap", "cash": 0, "positions": {}, "equity": equity}
        at = MORNING + timedelta(seconds=second)
        # Within a second the last word holds.
        stage.tell(Positions(origin=f"{second}-0", at=at, **{**state, "equity": equity + 0.5}))
        stage.tell(Positions(origin=f"{second}-0", at=at + timedelta(milliseconds=9), **state))
    last = stage.hears(PerformanceUpdate, 10)[-1]
    assert (last.origin, last.equity, last.periods) == ("4-0", 103, 4)
    assert last.total_return == pytest.approx(0.03)
    assert last.drawdown == pytest.approx(103 / 110 - 1)
    assert last.deepest_drawdown == pytest.approx(99 / 110 - 1)
    returns = [b / a - 1 for a, b in pairwise(curve)]
    record = {"returns": returns, "periods_per_year": periods_per_year(FLOW_INTERVAL)}
    figures = engine.post("/analytics/performance/ap", json=record).json()
    assert (last.sharpe, last.sortino) == (figures["sharpe"], figures["sortino"])
    assert [p["equity"] for p in engine.get("/analytics/equity/ap").json()] == curve
    # A worker that takes over goes on with the same curve.
    stage.running.close()
    stage.engine("analytics")
    stage.tell(Positions(origin="5-0", at=MORNING + timedelta(seconds=4), **state))
    after = stage.hears(PerformanceUpdate, 11)[-1]
    told = {"origin", "at"}
    assert after.model_dump(exclude=told) == last.model_dump(exclude=told)


def test_one_batch_of_ticks_is_followed_to_performance_over_dead_stores(
    stage: Stage, redis_process: RedisServer, postgres_process: PostgresServer
) -> None:
    names = ("marketdata", "features", "risk", "portfolio", "analytics")
    engines = {name: stage.engine(name) for name in names}
    for server in (redis_process, postgres_process):
        server.stop()
        eventually(lambda: engines["risk"].get("/health").status_code == 503)
        server.start()
    for engine in engines.values():
        eventually(lambda e=engine: e.get("/health").status_code == 200)
    # This Redis keeps nothing, so limits and accounts are set after it came back.
    limits = {"portfolio": "end", "max_order_notional": 1e6}
    assert engines["risk"].post("/risk/limits", json=limits).status_code == 201
    opened = engines["portfolio"].post("/portfolios/end/open", json={"cash": 1e5})
    assert opened.status_code in {201, 409}
    at = datetime.now(UTC).replace(microsecond=0)
    for second in range(3):
        tick = {"symbol": "END", "at": (at + timedelta(seconds=second)).isoformat()}
        body = {"ticks": [{**tick, "price": 100 + second, "size": 1}]}
        eventually(
            lambda body=body: engines["marketdata"].post("/data/ingest", json=body).is_success
        )
    origin = stage.hears(FeatureBatch, 2)[-1].origin
    stage.tell(signal("end", 1).model_copy(update={"origin": origin, "id": f"s:{origin}"}))
    topics = (BarBatch, FeatureBatch, AllowedOrder, Positions, PerformanceUpdate)
    for model in topics:
        eventually(lambda model=model: origin in [m.origin for m in stage.told(model)])
    assert int(origin.split("-")[0]) <= time.time() * 1e3
