"""Nautilus at work on a Mac: simulated ticks become performance, within its cores."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project, Run

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("nautilus_on_mac1")]
PATIENCE_S = 300
CHAIN = (
    "bars",
    "features",
    "factors",
    "predictions",
    "signals",
    "orders",
    "positions",
    "performance",
)
ENGINES = {
    "analytics": 4,
    "factor": 6,
    "features": 1,
    "marketdata": 1,
    "ml": 1,
    "portfolio": 1,
    "risk": 2,
    "strategy": 1,
    "websocket": 1,
}

READ_TOPIC = """
import json, sys
from redis import Redis
password = open("/run/secrets/redis_password").read().strip()
redis = Redis("redis", password=password, decode_responses=True)
for key, fields in redis.xrevrange("nautilus:topic:" + sys.argv[1], count=int(sys.argv[2])):
    print(json.dumps({"key": key, **json.loads(fields["json"])}))
"""

# What is run in the container from outside, a health check or this, has no parent there.
READ_THREADS = """
import json, os
from pathlib import Path
found = {}
for task in Path("/proc").glob("[0-9]*/task/*"):
    process = task.parts[2]
    try:
        name = (task / "comm").read_text().strip()
        parent = (task / "status").read_text().partition("PPid:")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        continue
    if parent != "0":
        one = found.setdefault(process, {"parent": parent, "threads": []})
        one["threads"].append("main" if task.name == process else name)
print(json.dumps({"cpus": len(os.sched_getaffinity(0)), "processes": found}))
"""

WAITERS = {"jemalloc_bg_thd", "polars-ooc-clea"}
"""Threads that give memory back and remove files: they do not compute."""

MANY_CLIENTS = """
import asyncio, json, urllib.request
from websockets.asyncio.client import connect
CLIENTS, MESSAGES = 1000, 20
async def listen(ready):
    async with connect("ws://127.0.0.1:8600/ws/stream?topics=broadcast", open_timeout=120) as it:
        await it.recv()
        ready.release()
        return [json.loads(await it.recv())["data"]["n"] for _ in range(MESSAGES)]
def say(n):
    body, kind = json.dumps({"n": n}).encode(), {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8600/broadcast", body, kind))
async def everybody():
    ready = asyncio.Semaphore(0)
    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        all = [group.create_task(listen(ready)) for _ in range(CLIENTS)]
        for _ in range(CLIENTS):
            await ready.acquire()
        for n in range(MESSAGES):
            await asyncio.to_thread(say, n)
    print(sum(it.result() == list(range(MESSAGES)) for it in all))
asyncio.run(everybody())
"""


@pytest.fixture(scope="module")
def demo(nautilus: Project, nautilus_on_mac1: Run) -> Run:
    assert nautilus_on_mac1.status == 0
    run = nautilus.run("demo.py", "-y", hosts="mac1")
    assert run.status == 0, run.text
    return run


def inside(mac: Mac, engine: str, script: str, *words: str) -> str:
    return mac.docker("exec", f"nautilus-{engine}-engine", "python", "-c", script, *words)


def topic(mac: Mac, name: str, count: int = 2_000) -> list[dict[str, Any]]:
    lines = inside(mac, "websocket", READ_TOPIC, name, str(count)).splitlines()
    return [json.loads(line) for line in lines]


def eventually(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s"
        time.sleep(2)
    return answer


def test_demo_data_says_what_it_did_and_does_nothing_twice(
    demo: Run, nautilus: Project, mac1: Mac
) -> None:
    assert "portfolio demo: opened with 1,000,000" in demo.words
    assert "strategy demo-trend: running" in demo.words
    assert "simulator: 8 instruments, 40 ticks/s for an hour" in demo.words
    again = nautilus.run("demo.py", "-y", hosts=mac1.name)
    assert again.status == 0, again.text
    assert "portfolio demo: is open already" in again.words
    assert "simulator: is running already" in again.words


@pytest.mark.usefixtures("demo")
def test_one_batch_of_ticks_is_seen_on_every_topic_down_to_performance(mac1: Mac) -> None:
    def followed() -> str | None:
        origins = [{entry["origin"] for entry in topic(mac1, name)} for name in CHAIN]
        return max(set.intersection(*origins), default=None)

    origin = eventually(followed)
    assert origin in {entry["key"] for entry in topic(mac1, "ticks", 10_000)}
    by_topic = {name: [e for e in topic(mac1, name) if e["origin"] == origin] for name in CHAIN}
    (order, *_) = by_topic["orders"]
    assert order["id"] in {signal["id"] for signal in by_topic["signals"]}
    assert [p for p in by_topic["positions"] if order["id"] in p["orders"]]
    # Told in the order in which they follow from each other.
    keys = [min(e["key"] for e in by_topic[name]) for name in ("bars", "features", "orders")]
    assert keys == sorted(keys)


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("strategy", "followed"), [("demo-model", "predictions"), ("demo-factor", "factors")]
)
def test_what_the_engines_compute_of_features_becomes_signals(
    mac1: Mac, strategy: str, followed: str
) -> None:
    def signal() -> dict[str, Any] | None:
        origins = {entry["origin"] for entry in topic(mac1, followed)}
        given = (entry for entry in topic(mac1, "signals") if entry["strategy"] == strategy)
        return next((entry for entry in given if entry["origin"] in origins), None)

    assert eventually(signal)["portfolio"] == "demo"


@pytest.mark.usefixtures("demo")
def test_what_breaks_a_limit_is_refused(mac1: Mac) -> None:
    refused = eventually(lambda: topic(mac1, "breaches"))
    assert {breach["strategy"] for breach in refused} >= {"demo-greedy"}
    assert not [o for o in topic(mac1, "orders") if o["strategy"] == "demo-greedy"]


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("engine", ENGINES)
def test_no_worker_computes_with_more_threads_than_it_has_cores(mac1: Mac, engine: str) -> None:
    """Pool by pool, since one waits while another computes for it.

    A process has one thread that answers. Those named `python` are its pool's and BLAS' or
    onnxruntime's, which lack one: the thread that asks them computes along.
    """
    seen = json.loads(inside(mac1, engine, READ_THREADS))
    # Below the container's init; what is below a worker is a back-test or a training.
    (supervisor,) = (pid for pid, it in seen["processes"].items() if it["parent"] == "1")
    workers = [pid for pid, it in seen["processes"].items() if it["parent"] == supervisor]
    assert len(workers) == ENGINES[engine]
    share = max(1, seen["cpus"] // len(workers))
    pools = {r"polars-\d+": share, "tokio-rt-worker": share, "libuv-worker": share}
    together = Counter[str]()
    for process, it in seen["processes"].items():
        others = [name for name in it["threads"] if name != "main" and name not in WAITERS]
        for pool, most in {**pools, "python": 3 * share - 2}.items():
            members = [name for name in others if re.fullmatch(pool, name)]
            assert len(members) <= most, it
            together[pool] += len(members) if process in workers else 0
            others = [name for name in others if name not in members]
        assert not others, it
    # Workers that are more than the cores have a thread each.
    assert all(together[pool] <= max(seen["cpus"], len(workers)) for pool in pools), seen


def test_a_thousand_clients_lose_and_double_nothing(mac1: Mac) -> None:
    assert inside(mac1, "websocket", MANY_CLIENTS) == "1000"
