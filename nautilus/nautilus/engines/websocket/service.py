"""The websocket engine: topics from Redis to many clients, without loss or doubling."""

import asyncio
from collections.abc import Mapping
from functools import partial

from fastapi import WebSocket, WebSocketDisconnect, status
from pydantic import BaseModel, JsonValue, RootModel
from typing_extensions import override

from nautilus.engines.websocket.client import (
    Client,
    Connection,
    SubscriptionError,
    parse_subscription,
)
from nautilus.engines.websocket.log import Position, TopicLog
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings
from nautilus.frame.streams import entry
from nautilus.frame.topics import BROADCAST, KEPT_ENTRIES, TOPICS


class Topic(BaseModel):
    """A topic that can be listened to."""

    topic: str
    messages: int
    """Kept, for clients that come back."""


class Broadcast(RootModel[dict[str, JsonValue]]):
    """What everybody who listens to the topic `broadcast` gets."""


class Published(BaseModel):
    """Where in its topic a message went."""

    topic: str
    id: str


class WebSocketHub(Service):
    """Streams from Redis to many clients."""

    name = "websocket"
    counts = ("messages_sent",)
    gauges = ("active_connections",)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._logs = {topic: TopicLog(topic, stream) for topic, stream in TOPICS.items()}
        self._clients: set[Client] = set()
        self._arrived = asyncio.Event()

    @override
    def routes(self) -> Router:
        router = Router(tags=["websocket"])
        router.websocket("/ws/stream")(self.stream)
        router.get("/connections")(self.connections)
        router.get("/topics")(self.topics)
        router.post("/broadcast", status_code=202)(self.broadcast)
        return router

    @override
    async def start(self) -> None:
        if "redis" in self.stores.needed:
            for log in self._logs.values():
                self.background.start(f"topic {log.topic}", partial(self._follow, log))

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        active = None
        if "redis" in self.stores.needed:
            active = int(await self.stores.redis.exists(*TOPICS.values()))
        return {"topics_active": active}

    async def connections(self) -> list[Connection]:
        """The clients of the worker that answers, the oldest first."""
        return sorted((c.describe() for c in self._clients), key=lambda shown: shown.number)

    async def topics(self) -> list[Topic]:
        """Every topic that can be listened to."""
        async with self.stores.redis.pipeline(transaction=False) as question:
            for stream in TOPICS.values():
                question.xlen(stream)
            lengths = await question.execute()
        return [Topic(topic=t, messages=n) for t, n in zip(TOPICS, lengths, strict=True)]

    async def broadcast(self, message: Broadcast) -> Published:
        """Send a message to everybody who listens to `broadcast`, in all workers."""
        key = await self.stores.redis.xadd(
            BROADCAST, entry(message), maxlen=KEPT_ENTRIES, approximate=True
        )
        return Published(topic="broadcast", id=str(key))

    async def stream(self, socket: WebSocket, topics: str = "", since: str = "") -> None:
        """Topics' messages as they come; `since` goes on after the last id that a client saw."""
        await socket.accept()
        try:
            asked = parse_subscription(topics, since)
        except SubscriptionError as error:
            await socket.close(status.WS_1008_POLICY_VIOLATION, str(error)[:120])
            return
        now = {name: self._logs[name].last for name in asked}
        positions = {name: at or now[name] for name, at in asked.items()}
        starts = {name: at for name, at in positions.items() if at is not None}
        if len(starts) < len(asked):
            await socket.close(status.WS_1013_TRY_AGAIN_LATER, "the topics are not read yet")
            return
        client = Client(socket, starts)
        gaps = {name: await self._gap(name, at) for name, at in asked.items()}
        self._clients.add(client)
        self.shared.set("active_connections", len(self._clients))
        try:
            await client.greet(gaps)
            await self._serve(client)
        except* WebSocketDisconnect:
            pass
        finally:
            self._clients.discard(client)
            self.shared.set("active_connections", len(self._clients))

    async def _gap(self, topic: str, position: Position | None) -> bool:
        if position is None or position == Position():
            return False
        return await self._logs[topic].begins_after(position, self.stores.redis)

    async def _serve(self, client: Client) -> None:
        async with asyncio.TaskGroup() as both:
            sending = both.create_task(self._send(client))
            await client.gone()
            sending.cancel()

    async def _send(self, client: Client) -> None:
        while True:
            # Taken before looking, so that a message that comes meanwhile is not slept over.
            arrived = self._arrived
            if not await self._send_new(client):
                await arrived.wait()

    async def _send_new(self, client: Client) -> int:
        sent = 0
        for topic, position in client.positions.items():
            for message in await self._logs[topic].after(position, self.stores.redis):
                await client.socket.send_text(message.text)
                client.positions[topic] = message.position
                sent += 1
        client.messages_sent += sent
        self.shared.add("messages_sent", sent)
        return sent

    async def _follow(self, log: TopicLog) -> None:
        while True:
            if await log.read_on(self.stores.redis):
                self._arrived.set()
                self._arrived = asyncio.Event()
