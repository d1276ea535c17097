"""A visitor of Nautilus who asks and listens through nginx, and counts what was lost.

Runs in the platform's environment and a host's network: `python bench/visitor.py SECRETS`, the
directory of the stack's secrets. It asks for pages, publishes numbered messages in Redis, and
hears them over a WebSocket, which comes back by its protocol when it is closed. Says `ready` once
all three went well; at the end of its input it prints what it counted as JSON.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import httpx
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

SITE = "127.0.0.1:80"
PATHS = ("/", "/health")
"""Of the frontend, and of the backend."""
TOPIC, STREAM = "broadcast", "nautilus:topic:broadcast"
PER_SECOND = 50
PATIENCE_S = 30
PAUSE_S = 0.1


class Requests:
    """Pages, each asked for over a connection of its own."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.count = 0
        self.failed: list[str] = []

    async def send(self, over: asyncio.Event) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(base_url=f"http://{SITE}", timeout=PATIENCE_S, limits=limits) as site,
            asyncio.TaskGroup() as group,
        ):
            paths = cycle(PATHS)
            async for _ in ticking(over):
                group.create_task(self._ask(site, next(paths)))

    async def _ask(self, site: httpx.AsyncClient, path: str) -> None:
        self.count += 1
        try:
            answer = await site.get(path)
        except httpx.HTTPError as error:
            self.failed.append(f"{path}: {error!r}")
            return
        # A 503 in the backend's own words is an answer: a store was slow, no request was lost.
        if answer.status_code == httpx.codes.OK or '"release"' in answer.text:
            self.answered.set()
        else:
            self.failed.append(f"{path}: {answer.status_code} {answer.text[:80]}")


class Listener:
    """A WebSocket's client: after a close it asks for what came since the last message."""

    def __init__(self) -> None:
        self.heard: Counter[int] = Counter()
        self.connections = 0
        self.failed: list[str] = []
        self.listening = asyncio.Event()
        self._arrived = asyncio.Event()
        self._last = ""

    async def listen(self) -> None:
        while True:
            since = f"&since={TOPIC}:{self._last}" if self._last else ""
            address = f"ws://{SITE}/ws/stream?topics={TOPIC}{since}"
            try:
                async with connect(address, open_timeout=PATIENCE_S) as socket:
                    self._greeted(json.loads(await socket.recv()))
                    async for text in socket:
                        message = json.loads(text)
                        self._last = message["id"]
                        self.heard[message["data"]["number"]] += 1
                        self._arrived.set()
            except ConnectionClosed:
                continue
            except (OSError, WebSocketException) as error:
                self.failed.append(f"stream: {error!r}")
                await asyncio.sleep(PAUSE_S)

    async def hear(self, number: int) -> None:
        """Wait for a message."""
        while number not in self.heard:
            self._arrived.clear()
            await self._arrived.wait()

    def _greeted(self, greeting: dict[str, dict[str, dict[str, object]]]) -> None:
        self.connections += 1
        topic = greeting["subscribed"][TOPIC]
        if topic["gap"]:
            self.failed.append(f"messages before {topic['id']} are gone")
        self._last = self._last or str(topic["id"])
        self.listening.set()


async def ticking(over: asyncio.Event) -> AsyncIterator[None]:
    """A steady rate, until it is over."""
    clock = asyncio.get_running_loop().time
    due = clock()
    while not over.is_set():
        yield
        due += 1 / PER_SECOND
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), max(0, due - clock()))


async def publish(secrets: Path, over: asyncio.Event) -> int:
    """Numbered messages; how many."""
    password = (secrets / "redis_password").read_text().strip()
    number = 0
    async with Redis(host="127.0.0.1", password=password) as redis:
        async for _ in ticking(over):
            number += 1
            await redis.xadd(STREAM, {"json": json.dumps({"number": number})})
    return number


async def main(secrets: Path) -> None:
    """Ask, publish and listen until the input ends, and count."""
    over, requests, listener = asyncio.Event(), Requests(), Listener()
    listening = asyncio.create_task(listener.listen())
    await asyncio.wait_for(listener.listening.wait(), PATIENCE_S)
    asking = asyncio.create_task(requests.send(over))
    publishing = asyncio.create_task(publish(secrets, over))
    await asyncio.wait_for(requests.answered.wait(), PATIENCE_S)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    over.set()
    published = await publishing
    await asking
    with suppress(TimeoutError):
        await asyncio.wait_for(listener.hear(published), PATIENCE_S)
    listening.cancel()
    print(
        json.dumps(
            {
                "requests": requests.count,
                "published": published,
                "connections": listener.connections,
                "missing": published - len(listener.heard),
                "doubled": sum(times - 1 for times in listener.heard.values()),
                "failed": [*requests.failed, *listener.failed],
            }
        )
    )


asyncio.run(main(Path(sys.argv[1])))
