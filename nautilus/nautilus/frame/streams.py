"""Redis streams of JSON models: one field, `json`, an entry."""

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from pydantic import BaseModel
from redis.asyncio import Redis

Model = TypeVar("Model", bound=BaseModel)

FIELD = "json"


def entry(model: BaseModel) -> dict[Any, Any]:
    """A model as the fields of a stream's entry."""
    return {FIELD: model.model_dump_json()}


def read_entries(reply: object, model: type[Model]) -> list[tuple[str, Model]]:
    """Ids and models of a stream's entries; raises ValidationError for a foreign entry."""
    entries = cast("Iterable[tuple[str, dict[str, str]]]", reply or ())
    return [(key, model.model_validate_json(fields[FIELD])) for key, fields in entries]


async def latest(
    redis: Redis, stream: str, model: type[Model], count: int
) -> list[tuple[str, Model]]:
    """The last entries of a stream, the newest first."""
    return read_entries(await redis.xrevrange(stream, count=count), model)
