"""Streams to many clients: nothing lost, nothing doubled, also over a gap and for the slow."""

import asyncio
import json
import resource
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from nautilus.engines.websocket import log as topic_log
from nautilus.engines.websocket.client import SubscriptionError, parse_subscription
from nautilus.engines.websocket.log import Position
from redis import Redis
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect

from tests.nautilus.processes import RunService
from tests.nautilus.servers import eventually

Start = Callable[..., TestClient]
CLIENTS = 1_000
MESSAGES = 30


@pytest.fixture
def engine(start: Start, redis_settings: dict[str, Any], redis_client: Redis) -> TestClient:
    redis_client.flushall()
    client = start("websocket", **redis_settings)

    def reads() -> bool:
        with client.websocket_connect("/ws/stream?topics=broadcast,ticks") as socket:
            return socket.receive()["type"] == "websocket.send"

    eventually(reads)
    return client


def broadcast(client: TestClient, *numbers: int) -> list[str]:
    return [client.post("/broadcast", json={"n": n}).json()["id"] for n in numbers]


def test_a_client_gets_what_comes_after_it_subscribed(engine: TestClient) -> None:
    broadcast(engine, 1)
    eventually(lambda: engine.get("/topics").json()[2] == {"topic": "broadcast", "messages": 1})
    with engine.websocket_connect("/ws/stream?topics=broadcast,ticks") as socket:
        subscribed = socket.receive_json()["subscribed"]
        assert list(subscribed) == ["broadcast", "ticks"]
        (key,) = broadcast(engine, 2)
        assert socket.receive_json() == {"topic": "broadcast", "id": key, "data": {"n": 2}}
        (shown,) = engine.get("/connections").json()
        assert shown["topics"] == ["broadcast", "ticks"]
        eventually(lambda: engine.get("/health").json()["active_connections"] == 1)
    eventually(lambda: engine.get("/health").json()["active_connections"] == 0)
    health = engine.get("/health").json()
    assert (health["messages_sent"], health["topics_active"]) == (1, 1)


def test_a_client_that_comes_back_gets_what_it_missed(engine: TestClient) -> None:
    seen = broadcast(engine, *range(5))
    with engine.websocket_connect(
        f"/ws/stream?topics=broadcast&since=broadcast:{seen[1]}"
    ) as socket:
        assert socket.receive_json()["subscribed"]["broadcast"] == {"id": seen[1], "gap": False}
        assert [socket.receive_json()["data"]["n"] for _ in range(3)] == [2, 3, 4]
        broadcast(engine, 5)
        assert socket.receive_json()["data"] == {"n": 5}


def test_a_client_is_told_when_what_it_missed_is_gone(
    engine: TestClient, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_log, "KEPT", 1)
    seen = broadcast(engine, *range(5))
    redis_client.xtrim("nautilus:topic:broadcast", maxlen=2, approximate=False)
    with engine.websocket_connect(
        f"/ws/stream?topics=broadcast&since=broadcast:{seen[0]}"
    ) as socket:
        assert socket.receive_json()["subscribed"]["broadcast"]["gap"] is True
        assert [socket.receive_json()["data"]["n"] for _ in range(2)] == [3, 4]


def test_what_is_no_longer_at_hand_is_read_from_redis(
    engine: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_log, "KEPT", 3)
    first, *_ = broadcast(engine, *range(20))
    with engine.websocket_connect(f"/ws/stream?topics=broadcast&since=broadcast:{first}") as socket:
        socket.receive_json()
        assert [socket.receive_json()["data"]["n"] for _ in range(19)] == list(range(1, 20))


@pytest.mark.parametrize(
    ("topics", "since"),
    [("", ""), ("weather", ""), ("bars", "ticks:1-0"), ("bars", "bars:x"), ("bars", "bars:")],
)
def test_a_subscription_that_cannot_be_is_refused(start: Start, topics: str, since: str) -> None:
    with pytest.raises(SubscriptionError):
        parse_subscription(topics, since)
    with start("websocket").websocket_connect(
        f"/ws/stream?topics={topics}&since={since}"
    ) as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == 1008


def test_positions_have_the_order_of_redis() -> None:
    assert Position.parse("9-5") < Position.parse("10-0") < Position.parse("10-11")
    assert str(Position.parse("10-11")) == "10-11"


def test_a_thousand_clients_lose_and_double_nothing(
    run: RunService, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    redis_client.flushall()
    service = run(
        "websocket", WORKERS="2", **{k.upper(): str(v) for k, v in redis_settings.items()}
    )
    url = f"ws://127.0.0.1:{service.port}/ws/stream?topics=broadcast"

    async def listen(number: int, ready: asyncio.Semaphore, until: int) -> list[int]:
        numbers: list[int] = []
        since = ""
        # Every third client leaves halfway and comes back; every fourth is slow.
        stops = [until // 2, until] if number % 3 == 0 else [until]
        for stop in stops:
            async with connect(url + since, max_queue=1, open_timeout=30) as socket:
                if not numbers:
                    since = (
                        "&since=broadcast:"
                        + json.loads(await socket.recv())["subscribed"]["broadcast"]["id"]
                    )
                    ready.release()
                else:
                    await socket.recv()
                while len(numbers) < stop:
                    message = json.loads(await socket.recv())
                    numbers.append(message["data"]["n"])
                    since = f"&since=broadcast:{message['id']}"
                    if number % 4 == 0:
                        await asyncio.sleep(0.01)
        return numbers

    async def everybody() -> list[list[int]]:
        ready = asyncio.Semaphore(0)
        async with asyncio.timeout(45), asyncio.TaskGroup() as group:
            listeners = [group.create_task(listen(i, ready, MESSAGES)) for i in range(CLIENTS)]
            for _ in range(CLIENTS):
                await ready.acquire()
            for number in range(MESSAGES):
                redis_client.xadd("nautilus:topic:broadcast", {"json": json.dumps({"n": number})})
        return [listener.result() for listener in listeners]

    assert asyncio.run(everybody()) == [list(range(MESSAGES))] * CLIENTS
    eventually(lambda: service.health()["active_connections"] == 0)
    assert service.health()["messages_sent"] >= CLIENTS * MESSAGES


def test_clients_that_do_not_read_cost_no_memory_and_hold_nobody_up(
    run: RunService, redis_settings: dict[str, Any], redis_client: Redis
) -> None:
    redis_client.flushall()
    service = run("websocket", **{k.upper(): str(v) for k, v in redis_settings.items()})
    url = f"ws://127.0.0.1:{service.port}/ws/stream?topics=broadcast"
    sleepers, messages, filling = 4, 10_000, "x" * 2_000
    (worker,) = service.workers()

    def resident_bytes() -> int:
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * resource.getpagesize()

    def publish(numbers: range) -> None:
        with redis_client.pipeline(transaction=False) as asked:
            for number in numbers:
                said = json.dumps({"n": number, "filling": filling})
                asked.xadd("nautilus:topic:broadcast", {"json": said})
            asked.execute()

    async def following(socket: ClientConnection, count: int) -> list[int]:
        return [json.loads(await socket.recv())["data"]["n"] for _ in range(count)]

    async def everybody() -> int:
        async with AsyncExitStack() as stack, asyncio.timeout(60):
            opened = [connect(url, max_queue=1) for _ in range(sleepers + 1)]
            reads, *asleep = [await stack.enter_async_context(each) for each in opened]
            for socket in (reads, *asleep):
                await socket.recv()
            before = resident_bytes()
            publish(range(messages))
            assert await following(reads, messages) == list(range(messages))
            grown = resident_bytes() - before
            for socket in asleep:
                assert await following(socket, messages) == list(range(messages))
        return grown

    # What one of them has not read yet would be 20 MB; the topic's own log may be 8 MB.
    assert asyncio.run(everybody()) < 30e6
