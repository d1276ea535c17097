"""Redis streams of JSON models: one field, `json`, an entry."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis
from redis.exceptions import ResponseError

Model = TypeVar("Model", bound=BaseModel)
Entries = Iterable[tuple[str, dict[str, str] | None]]

log = logging.getLogger(__name__)

FIELD = "json"
BLOCK_MS = 2_000
CLAIM_AFTER_MS = 30_000
BATCH = 64


def entry(model: BaseModel) -> dict[Any, Any]:
    """A model as the fields of a stream's entry."""
    return {FIELD: model.model_dump_json()}


async def latest(
    redis: Redis, stream: str, model: type[Model], count: int
) -> list[tuple[str, Model]]:
    """Ids and models of a stream's last entries, the newest first.

    Raises ValidationError for a foreign entry.
    """
    entries = cast("Entries", await redis.xrevrange(stream, count=count))
    return [(key, model.model_validate_json(fields[FIELD])) for key, fields in entries if fields]


async def between(redis: Redis, stream: str, model: type[Model], after: str) -> list[Model]:
    """A stream's models after an entry, the oldest first; all of them after an empty id.

    Raises ValidationError for a foreign entry.
    """
    found = await redis.xrange(stream, min=f"({after}" if after else "-")
    entries = cast("Entries", found)
    return [model.model_validate_json(fields[FIELD]) for _, fields in entries if fields]


async def consume(
    redis: Redis,
    stream: str,
    group: str,
    consumer: str,
    model: type[Model],
    handle: Callable[[Model], Awaitable[None]],
) -> None:
    """Handle each entry once it is written, at least once; ends only by an error.

    An entry is acknowledged when it is handled. What a consumer that died held goes to another,
    so `handle` must bear an entry twice. An entry that is no such model is dropped with a word.
    """
    await ensure_group(redis, stream, group)

    async def take(entries: Entries) -> None:
        for key, fields in entries:
            try:
                await handle(model.model_validate_json((fields or {}).get(FIELD, "")))
            except ValidationError as error:
                log.warning("%s: entry %s dropped: %s", stream, key, error)
            await redis.xack(stream, group, key)
            await redis.xdel(stream, key)

    while True:
        try:
            claimed = await redis.xautoclaim(
                stream, group, consumer, min_idle_time=CLAIM_AFTER_MS, count=BATCH
            )
            await take(cast("Entries", claimed[1]))
            reply = await redis.xreadgroup(
                group, consumer, {stream: ">"}, count=BATCH, block=BLOCK_MS
            )
        except ResponseError as error:
            if not lost_group(error):
                raise
            await ensure_group(redis, stream, group)
            continue
        streams = reply.items() if isinstance(reply, dict) else reply or ()
        for _, entries in streams:
            await take(cast("Entries", entries))


async def ensure_group(redis: Redis, stream: str, group: str) -> None:
    """Make a group that reads all that the stream has, where there is none."""
    try:
        await redis.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def lost_group(error: ResponseError) -> bool:
    """Whether Redis no longer knows a group, because its data went."""
    return str(error).startswith(("NOGROUP", "UNBLOCKED"))
