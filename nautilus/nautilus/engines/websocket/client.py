"""One client of the stream: its topics, and how far it has read in each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from fastapi import WebSocket
from pydantic import BaseModel

from nautilus.engines.websocket.log import Position
from nautilus.frame.topics import TOPICS

_numbers = count(1)


class SubscriptionError(ValueError):
    """A client asked for what cannot be listened to."""


def parse_subscription(topics: str, since: str) -> dict[str, Position | None]:
    """Topics with the position to go on from, from `bars,ticks` and `bars:1-0,ticks:2-0`.

    A topic without a position starts with what comes next. Raises SubscriptionError.
    """
    names = [name for name in topics.split(",") if name]
    unknown = sorted(set(names) - set(TOPICS))
    if unknown or not names:
        raise SubscriptionError(f"topics are {', '.join(TOPICS)}; not {', '.join(unknown)!r}")
    positions: dict[str, Position | None] = dict.fromkeys(names)
    for part in filter(None, since.split(",")):
        name, _, position = part.partition(":")
        if name not in positions:
            raise SubscriptionError(f"since names {name!r}, which is no topic asked for")
        try:
            positions[name] = Position.parse(position)
        except ValueError as error:
            raise SubscriptionError(f"{position!r} is no position in a topic") from error
    return positions


class Connection(BaseModel):
    """A client as /connections shows it."""

    number: int
    topics: list[str]
    connected_at: datetime
    messages_sent: int


@dataclass(eq=False)
class Client:
    """A connected client."""

    socket: WebSocket
    positions: dict[str, Position]
    number: int = field(default_factory=lambda: next(_numbers))
    connected_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    messages_sent: int = 0

    def describe(self) -> Connection:
        """For /connections."""
        return Connection(
            number=self.number,
            topics=list(self.positions),
            connected_at=self.connected_at,
            messages_sent=self.messages_sent,
        )

    async def greet(self, gaps: Mapping[str, bool]) -> None:
        """Say where each topic starts, and whether anything before it may be missed."""
        topics = {
            name: {"id": str(position), "gap": gaps[name]}
            for name, position in self.positions.items()
        }
        await self.socket.send_json({"subscribed": topics})

    async def gone(self) -> None:
        """Wait until the client leaves; what it says is not listened to."""
        message = await self.socket.receive()
        while message["type"] != "websocket.disconnect":
            message = await self.socket.receive()
