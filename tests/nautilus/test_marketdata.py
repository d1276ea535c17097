"""Bars against a plain recomputation; feeds, duplicates and disorder against real stores."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import pytest
from fastapi.testclient import TestClient
from nautilus.engines.marketdata.feeds import walk
from nautilus.engines.marketdata.models import Simulation, Tick, TickBatch
from nautilus.engines.marketdata.service import MarketData
from nautilus.frame import streams
from nautilus.frame.topics import BARS, TICK_INTAKE, TICKS
from nautilus.market.bars import LENGTHS, Bar, Interval
from nautilus.market.flow import BarBatch
from pyarrow.parquet import ParquetFile
from pydantic import BaseModel
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.nautilus.servers import RedisServer, eventually

Start = Callable[..., TestClient]
M = TypeVar("M", bound=BaseModel)
MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def engine(
    start: Start, redis_settings: dict[str, Any], postgres_settings: dict[str, Any]
) -> TestClient:
    client = start("marketdata", **redis_settings, **postgres_settings)
    eventually(lambda: client.get("/health").status_code == 200)
    eventually(lambda: client.get("/symbols").status_code == 200)
    return client


def post(client: TestClient, ticks: list[Tick]) -> dict[str, int]:
    answer = client.post("/data/ingest", json={"ticks": [t.model_dump(mode="json") for t in ticks]})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def told(redis: Redis, model: type[M], topic: str) -> list[M]:
    return [model.model_validate_json(e[b"json"]) for _, e in redis.xrange(topic)]


def recomputed(ticks: list[Tick], length: timedelta) -> dict[datetime, dict[str, float]]:
    groups: dict[datetime, list[Tick]] = defaultdict(list)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for tick in sorted(ticks, key=lambda tick: (tick.at, tick.sequence)):
        groups[epoch + (tick.at - epoch) // length * length].append(tick)
    return {
        at: {
            "open": group[0].price,
            "high": max(tick.price for tick in group),
            "low": min(tick.price for tick in group),
            "close": group[-1].price,
            "volume": sum(tick.size for tick in group),
            "ticks": len(group),
        }
        for at, group in groups.items()
    }


def shown(client: TestClient, symbol: str, interval: str) -> dict[datetime, dict[str, float]]:
    answer = client.get(f"/data/{symbol}", params={"interval": interval, "limit": 50_000})
    return {
        datetime.fromisoformat(bar["at"]): {
            k: v for k, v in bar.items() if k not in {"symbol", "interval", "at"}
        }
        for bar in answer.json()
    }


def test_bars_are_the_same_however_the_ticks_came(engine: TestClient) -> None:
    simulation = Simulation(symbols=["ORD1", "ORD2"], seed=5, ticks=4_000, ticks_per_second=7)
    ticks = list(walk(simulation, MORNING))
    # Several trades at one time, told apart by their sequence.
    ticks += [t.model_copy(update={"sequence": 1, "price": t.price + 1}) for t in ticks[::50]]
    shuffled = random.Random(1).sample(ticks, len(ticks))
    # Out of order, in pieces that overlap: some ticks come twice.
    stored = sum(
        post(engine, shuffled[i : i + 900])["stored"] for i in range(0, len(shuffled), 600)
    )
    assert stored == len(ticks)
    # /health may be half a second old.
    symbols = len(engine.get("/symbols").json())
    assert symbols >= 2
    eventually(lambda: engine.get("/health").json()["symbols_tracked"] == symbols)
    for symbol in simulation.symbols:
        own = [tick for tick in ticks if tick.symbol == symbol]
        for interval, length in LENGTHS.items():
            assert shown(engine, symbol, interval) == recomputed(own, length), interval
    (state,) = [s for s in engine.get("/symbols").json() if s["symbol"] == "ORD1"]
    last = max((t for t in ticks if t.symbol == "ORD1"), key=lambda t: (t.at, t.sequence))
    assert state["ticks"] == sum(t.symbol == "ORD1" for t in ticks)
    assert (datetime.fromisoformat(state["last_at"]), state["last_price"]) == (last.at, last.price)


def test_a_batch_that_is_repeated_changes_nothing(engine: TestClient) -> None:
    ticks = list(walk(Simulation(symbols=["TWICE"], ticks=50), MORNING))
    assert post(engine, ticks) == {"received": 50, "stored": 50}
    before = shown(engine, "TWICE", "1m")
    assert post(engine, ticks) == {"received": 50, "stored": 0}
    assert shown(engine, "TWICE", "1m") == before


def test_a_query_is_bounded_by_time_and_by_number(engine: TestClient) -> None:
    post(engine, list(walk(Simulation(symbols=["QRY"], ticks=60, ticks_per_second=1), MORNING)))
    whole = shown(engine, "QRY", "1s")
    within = {"interval": "1s", "start": "2026-03-02T09:30:10Z", "end": "2026-03-02T09:30:20Z"}
    bars = engine.get("/data/QRY", params=within).json()
    assert [datetime.fromisoformat(bar["at"]) for bar in bars] == sorted(whole)[10:20]
    last = engine.get("/data/QRY", params={"interval": "1s", "limit": 3}).json()
    assert [datetime.fromisoformat(bar["at"]) for bar in last] == sorted(whole)[-3:]


def test_returns_are_of_the_periods_that_all_traded_in(engine: TestClient) -> None:
    # The second instrument pauses for the third second.
    traded = {"RET1": [100, 110, 121, 133.1], "RET2": [10, 20, None, 5]}
    post(
        engine,
        [
            Tick(symbol=symbol, at=MORNING + timedelta(seconds=second), price=price, size=1)
            for symbol, prices in traded.items()
            for second, price in enumerate(prices)
            if price is not None
        ],
    )
    asked = {"symbols": ["RET2", "RET1", "RET2"], "interval": "1s"}
    table = engine.get("/returns", params=asked).json()
    starts = [MORNING + timedelta(seconds=second) for second in (1, 3)]
    assert [datetime.fromisoformat(at) for at in table["at"]] == starts
    assert list(table["returns"]) == ["RET2", "RET1"]
    assert table["returns"]["RET1"] == pytest.approx([0.1, 0.21])
    assert table["returns"]["RET2"] == pytest.approx([1, -0.75])
    last = engine.get("/returns", params={**asked, "periods": 1}).json()
    assert last["returns"]["RET2"] == pytest.approx([-0.75])
    unknown = engine.get("/returns", params={"symbols": ["RET1", "NEVER"]}).json()
    assert unknown["returns"] == {"RET1": [], "NEVER": []}


def test_a_segment_is_smaller_than_its_ticks_and_replays_to_the_same_bars(
    engine: TestClient,
) -> None:
    ticks = list(walk(Simulation(symbols=["SEG"], ticks=5_000, ticks_per_second=2), MORNING))
    post(engine, ticks)
    segment = engine.get("/data/SEG/segment", params={"day": "2026-03-02"})
    assert segment.status_code == 200
    assert len(segment.content) < sum(len(t.model_dump_json()) for t in ticks) / 4
    columns = ParquetFile(BytesIO(segment.content)).metadata.row_group(0)
    codecs = {columns.column(i).compression for i in range(columns.num_columns)}
    assert codecs == {"ZSTD"}
    again = engine.post(
        "/feeds/replay",
        content=segment.content,
        headers={"content-type": "application/octet-stream"},
    )
    assert again.json() == {"received": 5_000, "stored": 0}
    assert engine.get("/data/SEG/segment", params={"day": "2020-01-01"}).status_code == 404


def test_days_that_are_over_are_archived_and_pruned_once(
    start: Start,
    redis_settings: dict[str, Any],
    postgres_settings: dict[str, Any],
    tmp_path: Path,
) -> None:
    stores = {**redis_settings, **postgres_settings}
    keeps = start("marketdata", **stores, archive_directory=tmp_path, ticks_kept_days=10_000)
    eventually(lambda: keeps.get("/health").status_code == 200)
    at = datetime.now(UTC) - timedelta(days=3)
    ticks = list(walk(Simulation(symbols=["ARC"], ticks=4_000, ticks_per_second=5), at))
    post(keeps, ticks[:-1])

    def archived() -> list[dict[str, Any]]:
        return [s for s in keeps.get("/segments").json() if s["symbol"] == "ARC"]

    assert keeps.post("/segments").status_code == 201
    assert sum(s["ticks"] for s in archived()) == 3_999
    # A tick that came late: its day is archived again, and other days are not.
    post(keeps, ticks[-1:])
    (again,) = keeps.post("/segments").json()
    assert again["day"] == ticks[-1].at.date().isoformat()
    assert keeps.post("/segments").json() == []
    before = {i: shown(keeps, "ARC", i) for i in LENGTHS}

    prunes = start("marketdata", **stores, archive_directory=tmp_path, ticks_kept_days=1)
    assert prunes.post("/segments").json() == []
    assert {s["pruned"] for s in archived()} == {True}
    for segment in archived():
        file = tmp_path / segment["day"] / "ARC.parquet"
        answer = prunes.get("/data/ARC/segment", params={"day": segment["day"]})
        assert answer.content == file.read_bytes()
        assert len(answer.content) == segment["size_bytes"]
        # The ticks are known still, although the database has them no more.
        replayed = prunes.post(
            "/feeds/replay",
            content=answer.content,
            headers={"content-type": "application/octet-stream"},
        )
        assert replayed.json() == {"received": segment["ticks"], "stored": 0}
    assert {i: shown(keeps, "ARC", i) for i in LENGTHS} == before


def test_what_is_no_parquet_file_is_refused(engine: TestClient) -> None:
    answer = engine.post(
        "/feeds/replay", content=b"hello", headers={"content-type": "application/octet-stream"}
    )
    assert answer.status_code == 422
    assert "Parquet" in answer.json()["detail"][0]["msg"]


def test_the_simulator_goes_through_the_intake_and_is_published(engine: TestClient) -> None:
    body = {"symbols": ["SIM1", "SIM2"], "seed": 42, "ticks": 300, "ticks_per_second": 2_000}
    answer = engine.post("/feeds/simulator", json=body)
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    eventually(lambda: engine.get("/feeds").json()[0]["state"] == "done")
    prices = {s["symbol"]: s for s in engine.get("/symbols").json()}
    eventually(
        lambda: {s["symbol"]: s["ticks"] for s in engine.get("/symbols").json()}.get("SIM2") == 150
    )
    prices = {s["symbol"]: s["last_price"] for s in engine.get("/symbols").json()}
    expected = {tick.symbol: tick.price for tick in walk(Simulation(**body), MORNING)}
    assert {name: prices[name] for name in expected} == expected
    eventually(lambda: engine.get("/health").json()["data_points_stored"] == 300)
    health = engine.get("/health").json()
    assert (health["messages_processed"], health["active_feeds"]) == (300, 0)


def test_the_simulator_begins_in_the_past_and_goes_on_in_time(
    engine: TestClient, redis_client: Any
) -> None:
    body = {"symbols": ["PAST"], "seed": 43, "ticks_per_second": 10, "history_s": 60, "ticks": 610}
    asked = datetime.now(UTC)
    assert engine.post("/feeds/simulator", json=body).status_code == 202

    def feed() -> dict[str, Any]:
        return next(f for f in engine.get("/feeds").json() if f["name"] == "simulator-43")

    eventually(lambda: feed()["ticks"] >= 590)
    assert datetime.now(UTC) - asked < timedelta(seconds=20)
    eventually(lambda: feed()["state"] == "done")
    assert datetime.now(UTC) - asked > timedelta(seconds=1)
    eventually(lambda: len(shown(engine, "PAST", "1s")) >= 61)
    assert min(shown(engine, "PAST", "1s")) >= asked - timedelta(seconds=62)
    eventually(lambda: redis_client.xlen("nautilus:intake:ticks") == 0)


def test_the_simulator_outlives_a_dead_redis(
    engine: TestClient, redis_process: RedisServer
) -> None:
    body = {"symbols": ["OUTLIVES"], "seed": 44, "ticks_per_second": 100, "ticks": 300}
    assert engine.post("/feeds/simulator", json=body).status_code == 202

    def feed() -> dict[str, Any]:
        answer = engine.get("/feeds")
        feeds = {f["name"]: f for f in answer.json()} if answer.is_success else {}
        return dict(feeds.get("simulator-44", {"state": "unknown", "ticks": 0}))

    eventually(lambda: feed()["ticks"] > 0)
    redis_process.stop()
    eventually(lambda: engine.get("/health").status_code == 503)
    redis_process.start()
    eventually(lambda: feed()["state"] not in {"unknown", "running"})
    assert (feed()["state"], feed()["ticks"], feed()["error"]) == ("done", 300, None)


def test_a_simulator_ends_with_its_engine(
    engine: TestClient, start: Start, redis_settings: dict[str, Any]
) -> None:
    body = {"symbols": ["ENDS"], "seed": 45, "ticks_per_second": 10, "ticks": 10_000}
    assert engine.post("/feeds/simulator", json=body).status_code == 202
    engine.__exit__(None, None, None)
    after = start("marketdata", **redis_settings)
    (feed,) = (f for f in after.get("/feeds").json() if f["name"] == "simulator-45")
    assert (feed["state"], feed["error"]) == ("failed", "its engine was stopped")


def test_what_was_stored_and_not_told_is_told_when_it_comes_again(
    engine: TestClient, redis_client: Any, redis_process: RedisServer
) -> None:
    ticks = list(walk(Simulation(symbols=["LOST"], ticks=20, ticks_per_second=5), MORNING))
    redis_process.stop()
    answer = engine.post("/data/ingest", json={"ticks": [t.model_dump(mode="json") for t in ticks]})
    assert answer.status_code == 503
    redis_process.start()
    stored = shown(engine, "LOST", "1s")
    assert stored == recomputed(ticks, LENGTHS[Interval.S1])
    assert told(redis_client, BarBatch, BARS) == []
    # With a tick that is new, so that some of the bars have changed and others have not.
    more = [*ticks[:-1], ticks[-1].model_copy(update={"sequence": 1})]
    assert post(engine, more)["stored"] == 1
    (batch,) = told(redis_client, BarBatch, BARS)
    bars = {bar.at: bar.close for bar in batch.bars if bar.interval is Interval.S1}
    assert bars == {at: bar["close"] for at, bar in stored.items()}
    assert len(batch.bars) == 4 + 6
    assert [len(b.ticks) for b in told(redis_client, TickBatch, TICKS)] == [20]


def test_an_entry_of_the_intake_that_was_not_told_is_taken_again(
    engine: TestClient, redis_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, lost = MarketData._publish, [True]

    async def fails_once(of: MarketData, ticks: Sequence[Tick], changed: list[Bar]) -> None:
        if lost:
            lost.pop()
            raise RedisConnectionError("a test ends it here")
        await publish(of, ticks, changed)

    monkeypatch.setattr(MarketData, "_publish", fails_once)
    monkeypatch.setattr(streams, "CLAIM_AFTER_MS", 100)
    ticks = TickBatch(ticks=list(walk(Simulation(symbols=["AGAIN"], ticks=5), MORNING)))
    redis_client.xadd(TICK_INTAKE, {"json": ticks.model_dump_json()})
    eventually(lambda: redis_client.xlen(TICK_INTAKE) == 0)
    assert lost == []
    batch = told(redis_client, BarBatch, BARS)[-1]
    assert {bar.symbol for bar in batch.bars} == {"AGAIN"}
    assert {bar.interval for bar in batch.bars} == set(Interval)


def test_an_entry_of_the_intake_that_is_no_batch_is_dropped(
    engine: TestClient, redis_client: Any
) -> None:
    redis_client.xadd("nautilus:intake:ticks", {"json": "{}"})
    redis_client.xadd("nautilus:intake:ticks", {"other": "1"})
    eventually(lambda: redis_client.xlen("nautilus:intake:ticks") == 0)
    assert engine.get("/health").json()["background"] == {"intake": "running"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"price": -1}, "price"),
        ({"at": "2026-01-01T00:00:00"}, "at"),
        ({"symbol": "a/b"}, "symbol"),
    ],
)
def test_a_bad_tick_names_its_field(start: Start, change: dict[str, Any], field: str) -> None:
    tick = {"symbol": "A", "at": "2026-01-01T00:00:00Z", "price": 1, "size": 1, **change}
    answer = start("marketdata").post("/data/ingest", json={"ticks": [tick]})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1] == field
