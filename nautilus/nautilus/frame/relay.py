"""Messages that lead to messages: an engine's part in the flow from ticks to performance."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import AwareDatetime, BaseModel, ValidationError
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from nautilus.frame.streams import BATCH, BLOCK_MS, FIELD, Entries, ensure_group, entry, lost_group
from nautilus.frame.topics import KEPT_ENTRIES

log = logging.getLogger(__name__)

OWN_PENDING = "0"
NEW = ">"


class Message(BaseModel):
    """What is said on a topic, and which ticks began it."""

    topic: ClassVar[str]
    """The stream that messages of this kind are written to."""
    origin: str
    """The id, on the topic of ticks, of the batch that this goes back to."""
    at: AwareDatetime
    """When what it tells held in the market; the entry's id says when it was told."""


M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Source(Generic[M]):
    """A kind of message to follow, and what to do with each.

    `handle` gets the entry's id, the message and a transaction, on which it puts all that
    follows in Redis. It must bear a message twice.
    """

    model: type[M]
    handle: Callable[[str, M, Pipeline], Awaitable[None]]


def publish(commit: Pipeline, message: Message) -> None:
    """Write a message to its topic when the transaction is done."""
    commit.xadd(message.topic, entry(message), maxlen=KEPT_ENTRIES, approximate=True)


async def relay(redis: Redis, group: str, *sources: Source[Any]) -> None:
    """Handle the topics' messages, each topic's in its order; ends only by an error.

    What follows from a message and its acknowledgement are one transaction, so a consumer that
    is killed leaves nothing half done: the next one begins with what it left. One consumer a
    group, which `Service.leads` chooses, keeps the order.
    """
    by_topic = {source.model.topic: source for source in sources}
    positions: dict[Any, Any] = {}
    while True:
        if not positions:
            for topic in by_topic:
                await ensure_group(redis, topic, group)
            positions = dict.fromkeys(by_topic, OWN_PENDING)
        try:
            reply = await redis.xreadgroup(group, group, positions, count=BATCH, block=BLOCK_MS)
        except ResponseError as error:
            if not lost_group(error):
                raise
            positions = {}
            continue
        streams = reply.items() if isinstance(reply, dict) else reply or ()
        for topic, entries in cast("Iterable[tuple[str, Entries]]", streams):
            found = list(entries)
            if not found:
                positions[topic] = NEW
            for key, fields in found:
                await _take(redis, group, by_topic[topic], key, (fields or {}).get(FIELD, ""))


async def _take(redis: Redis, group: str, source: Source[Any], key: str, text: str) -> None:
    topic = source.model.topic
    async with redis.pipeline(transaction=True) as commit:
        message = _read(source.model, topic, key, text)
        if message is not None:
            await source.handle(key, message, commit)
        commit.xack(topic, group, key)
        await commit.execute()


def _read(model: type[M], topic: str, key: str, text: str) -> M | None:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        log.warning("%s: entry %s dropped: %s", topic, key, error)
        return None
