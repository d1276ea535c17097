"""Nautilus while a store is away or an engine is killed: what it says, and what it keeps."""

import json
import os
import runpy
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stories.client import Client
from tests.stories.mac import Mac
from tests.stories.project import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("nautilus_on_mac1", "_healthy_again")]
BACKEND = "http://127.0.0.1:8001/api"
PATIENCE_S = 300
GONE = "the service does not answer: it may be starting, come back in two seconds"
SERVICES = runpy.run_path(str(ROOT / "group_data/all.py"))["stack"]["services"]
ASKED = {name: it for name, it in SERVICES.items() if "endpoint" in it}
HEALTHY = dict.fromkeys(ASKED, (200, ()))
MACHINE_BYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

ASK_REDIS = """
import json, sys
from redis import Redis
password = open("/run/secrets/redis_password").read().strip()
redis = Redis("redis", password=password, decode_responses=True)
"""
# Nothing is held back any more: see docs/backup.md, "What Redis may lose".
WRITE = """
redis.mset({f"survives:{n}": n for n in range(1000)})
while redis.info("persistence")["aof_buffer_length"]:
    pass
"""
READ = """
keys = [f"survives:{n}" for n in range(1000)]
print(json.dumps([int(it) for it in redis.mget(keys) if it is not None]))
redis.delete(*keys)
"""
# From inside, and by another: from outside it would count as asked for, and not be started again.
KILL_REDIS = """
for each in /proc/[0-9]*; do
    [ "$(cat "$each/comm")" != redis-server ] || kill -KILL "${each#/proc/}"
done
"""
BACKTEST = """
import json, random, urllib.request
from datetime import UTC, datetime, timedelta
draw, price, count = random.Random(1), 100.0, 20_000
close = [price := round(price * (1 + draw.gauss(0, 0.002)), 4) for _ in range(count)]
start = [100.0, *close[:-1]]
at = [(datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=n)).isoformat() for n in range(count)]
bars = {"symbol": "ACME", "interval": "1m", "at": at, "open": start, "close": close,
        "high": list(map(max, start, close)), "low": list(map(min, start, close))}
body = json.dumps({"rules": [{"kind": "ema_cross"}], "bars": bars, "points": 10}).encode()
kind = {"content-type": "application/json"}
asked = urllib.request.Request("http://127.0.0.1:8700/backtests", body, kind)
with urllib.request.urlopen(asked) as answer:
    print(answer.status, json.load(answer)["id"])
"""


@pytest.fixture(scope="module")
def _healthy_again(mac1: Mac) -> Iterator[None]:
    """Those who come after find every container healthy, as they would have without these tests."""
    yield
    eventually(
        lambda: (
            {it["State"]["Health"]["Status"] for it in mac1.containers("nautilus").values()}
            == {"healthy"}
        )
    )


def eventually(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s"
        time.sleep(0.5)
    return answer


def said(mac: Mac) -> dict[str, tuple[int, tuple[str, ...]]]:
    """By service: the status of its /health, and the stores that its reasons name."""
    urls = [f"http://127.0.0.1:{it['port']}/health" for it in ASKED.values()]
    lines = mac.sh(f"curl -sS -m 10 -w '\\n%{{http_code}}\\n' {' '.join(urls)}").splitlines()
    bodies, codes = map(json.loads, lines[::2]), map(int, lines[1::2])
    stores = [tuple(reason.split(":")[0] for reason in body["reasons"]) for body in bodies]
    return dict(zip(ASKED, zip(codes, stores, strict=True), strict=True))


def lives(mac: Mac, *but: str) -> dict[str, tuple[str, str, int]]:
    """By container: what changes when it is replaced, started or restarted."""
    return {
        name: (it["Id"], it["State"]["StartedAt"], it["RestartCount"])
        for name, it in mac.containers("nautilus").items()
        if name not in but
    }


def in_redis(mac: Mac, script: str) -> str:
    return mac.docker("exec", "nautilus-websocket-engine", "python", "-c", ASK_REDIS + script)


def query(mac: Mac, statement: str) -> list[str]:
    words = ("psql", "-qXAt", "-U", "nautilus", "-d", "nautilus", "-c", statement)
    return mac.docker("exec", "nautilus-postgres", *words).splitlines()


def memory_bytes(mac: Mac, container: str) -> int:
    (found,) = mac.inspect(container)
    return min(int(found["HostConfig"]["Memory"]), MACHINE_BYTES)


def test_a_backend_that_goes_is_told_in_one_way_from_the_first_request_on(mac1: Mac) -> None:
    with Client(mac1, 80, ("/api/services",), per_second=20) as visitor:
        mac1.docker("stop", "nautilus-backend")
        eventually(lambda: visitor.failures)
    mac1.docker("start", "nautilus-backend")
    eventually(lambda: mac1.tries("curl -fsS http://127.0.0.1/health").returncode == 0)
    eventually(lambda: said(mac1) == HEALTHY)
    told = "502 " + json.dumps({"detail": GONE})
    assert [it for it in visitor.failures if told not in it] == []


def test_stores_are_sized_to_their_limits_and_ticks_and_bars_are_hypertables(mac1: Mac) -> None:
    buffers = "SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers'"
    (found,) = query(mac1, buffers)
    assert int(found) == pytest.approx(memory_bytes(mac1, "nautilus-postgres") / 4, rel=1e-4)
    hypertables = "SELECT hypertable_schema || '.' || hypertable_name"
    tables = query(mac1, f"{hypertables} FROM timescaledb_information.hypertables")
    assert sorted(tables) == ["marketdata.bars", "marketdata.ticks"]
    config = json.loads(in_redis(mac1, "print(json.dumps(redis.config_get('*')))"))
    most = memory_bytes(mac1, "nautilus-redis") * 3 / 4
    assert int(config["maxmemory"]) == pytest.approx(most, rel=1e-4)
    kept = [config[name] for name in ("appendonly", "appendfsync", "maxmemory-policy")]
    assert kept == ["yes", "everysec", "noeviction"]


def test_what_redis_acknowledged_survives_its_kill(mac1: Mac) -> None:
    before = lives(mac1, "nautilus-redis")
    (redis,) = mac1.inspect("nautilus-redis")
    in_redis(mac1, WRITE)
    # Detached: it ends with the container.
    mac1.docker("exec", "--detach", "nautilus-redis", "sh", "-c", KILL_REDIS)
    eventually(lambda: mac1.inspect("nautilus-redis")[0]["RestartCount"] > redis["RestartCount"])
    eventually(lambda: said(mac1) == HEALTHY)
    assert json.loads(in_redis(mac1, READ)) == list(range(1000))
    assert lives(mac1, "nautilus-redis") == before


@pytest.mark.parametrize("store", ["redis", "postgres"])
def test_a_dead_store_is_told_by_all_who_need_it_and_ends_none_of_them(
    mac1: Mac, store: str
) -> None:
    before = lives(mac1, f"nautilus-{store}")
    mac1.docker("stop", f"nautilus-{store}")
    try:
        without = {name: (503, (store,)) for name, it in ASKED.items() if store in it["needs"]}
        assert len(without) > 5
        eventually(lambda: said(mac1) == HEALTHY | without)
    finally:
        mac1.docker("start", f"nautilus-{store}")
    eventually(lambda: said(mac1) == HEALTHY)
    assert lives(mac1, f"nautilus-{store}") == before


def test_a_killed_engine_loses_no_job_that_it_accepted(mac1: Mac) -> None:
    engine = "nautilus-strategy-engine"
    status, job = mac1.docker("exec", engine, "python", "-c", BACKTEST).split()
    assert status == "202"

    def seen() -> dict[str, Any]:
        jobs = json.loads(mac1.sh(f"curl -fsS '{BACKEND}/jobs?engine=strategy'"))
        return next(it for it in jobs if it["id"] == job)

    eventually(lambda: seen()["progress"] > 0)
    mac1.docker("kill", engine)
    assert seen()["state"] == "running"
    mac1.docker("start", engine)
    eventually(lambda: seen()["state"] not in ("queued", "running"))
    done = seen()
    assert (done["state"], done["attempts"], done["error"]) == ("done", 2, None)
    (outcome,) = json.loads(mac1.sh(f"curl -fsS {BACKEND}/results/{job}"))["outcomes"]
    assert outcome["curve"]
