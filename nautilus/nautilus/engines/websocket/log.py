"""A topic's latest messages, read from Redis once for all clients of a worker."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from redis.asyncio import Redis

from nautilus.frame.streams import FIELD

KEPT = 2_000
READ = 500
BLOCK_MS = 2_000

Entries = Iterable[tuple[str, dict[str, str] | None]]


@dataclass(frozen=True, order=True)
class Position:
    """A place in a topic: a Redis stream's id."""

    milliseconds: int = 0
    sequence: int = 0

    @classmethod
    def parse(cls, text: str) -> "Position":
        """From `1700000000000-0`; raises ValueError for anything else."""
        milliseconds, _, sequence = text.partition("-")
        return cls(int(milliseconds), int(sequence or 0))

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.sequence}"


@dataclass(frozen=True)
class Message:
    """A message as every client gets it, written once."""

    position: Position
    text: str


class TopicLog:
    """Keeps the last messages at hand; what is older is read from Redis.

    Clients have no queue each but a position in the log, so a slow one costs no memory.
    """

    def __init__(self, topic: str, stream: str) -> None:
        self.topic = topic
        self.stream = stream
        self.last: Position | None = None
        self._messages: list[Message] = []
        # Everything after this is in the list.
        self._floor = Position()

    async def read_on(self, redis: Redis) -> bool:
        """Wait for messages for a while and take them in; tells whether any came."""
        if self.last is None:
            newest = cast("Entries", await redis.xrevrange(self.stream, count=1))
            self.last = max((Position.parse(key) for key, _ in newest), default=Position())
            self._floor = self.last
        reply = await redis.xread({self.stream: str(self.last)}, count=READ, block=BLOCK_MS)
        streams = reply.items() if isinstance(reply, dict) else reply or ()
        fresh = [m for _, entries in streams for m in self._written(cast("Entries", entries))]
        if fresh:
            self._messages += fresh
            self.last = fresh[-1].position
            self._forget()
        return bool(fresh)

    async def after(self, position: Position, redis: Redis) -> list[Message]:
        """The next messages after a position, READ at most."""
        if position >= self._floor:
            start = bisect_right(self._messages, position, key=lambda message: message.position)
            return self._messages[start : start + READ]
        older = await redis.xrange(self.stream, min=f"({position}", count=READ)
        return self._written(cast("Entries", older))

    async def begins_after(self, position: Position, redis: Redis) -> bool:
        """Whether messages after a position may be gone for good."""
        if position >= self._floor:
            return False
        first = cast("Entries", await redis.xrange(self.stream, count=1))
        return any(Position.parse(key) > position for key, _ in first)

    def _written(self, entries: Entries) -> list[Message]:
        return [
            Message(
                Position.parse(key),
                f'{{"topic":"{self.topic}","id":"{key}","data":{fields[FIELD]}}}',
            )
            for key, fields in entries
            if fields and FIELD in fields
        ]

    def _forget(self) -> None:
        if len(self._messages) > 2 * KEPT:
            self._floor = self._messages[-KEPT - 1].position
            del self._messages[:-KEPT]
