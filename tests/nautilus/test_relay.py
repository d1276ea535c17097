"""Messages that lead to messages, over a consumer that dies and a Redis that forgets."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from nautilus.frame.background import end
from nautilus.frame.relay import Message, Source, publish, relay
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.client import Pipeline

from tests.nautilus.servers import RedisServer

MORNING = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
Handle = Callable[[str, "Number", Pipeline], Awaitable[None]]


class Number(Message):
    topic: ClassVar[str] = "test:numbers"
    number: int


class Square(Message):
    topic: ClassVar[str] = "test:squares"
    number: int


class KilledError(BaseException):
    """A double of the end of a process."""


async def square(key: str, message: Number, commit: Pipeline) -> None:
    publish(commit, Square(origin=key, at=message.at, number=message.number**2))


@pytest.fixture
def redis(redis_client: Redis) -> Redis:
    redis_client.flushall()
    return redis_client


def tell(redis: Redis, *numbers: int) -> list[str]:
    texts = [Number(origin="1-1", at=MORNING, number=n).model_dump_json() for n in numbers]
    return [redis.xadd(Number.topic, {"json": text}).decode() for text in texts]


def squares(redis: Redis) -> list[Square]:
    return [Square.model_validate_json(e[b"json"]) for _, e in redis.xrange(Square.topic)]


def follow(server: RedisServer, handle: Handle, until: Callable[[], Any]) -> None:
    """Relay until a condition holds; raises what the relay raises."""

    async def both() -> None:
        async with AsyncRedis(
            port=server.port, password=server.password, decode_responses=True
        ) as client:
            work = asyncio.create_task(relay(client, "squares", Source(Number, handle)))
            async with asyncio.timeout(10):
                while not work.done() and not until():
                    await asyncio.sleep(0.01)
            await end((work,))
            if not work.cancelled():
                work.result()

    asyncio.run(both())


def test_each_message_is_answered_in_order_and_stays_for_others(
    redis: Redis, redis_process: RedisServer
) -> None:
    keys = tell(redis, *range(200))
    follow(redis_process, square, lambda: len(squares(redis)) == 200)
    assert [s.number for s in squares(redis)] == [n * n for n in range(200)]
    assert [s.origin for s in squares(redis)] == keys
    assert redis.xlen(Number.topic) == 200
    assert redis.xpending(Number.topic, "squares")["pending"] == 0


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_a_killed_consumer_left_is_done_once_by_the_next(
    redis: Redis, redis_process: RedisServer, moment: str
) -> None:
    tell(redis, *range(5))

    async def dies(key: str, message: Number, commit: Pipeline) -> None:
        if message.number == 3 and moment == "before":
            raise KilledError
        await square(key, message, commit)
        if message.number == 3:
            raise KilledError

    with pytest.raises(KilledError):
        follow(redis_process, dies, lambda: False)
    assert [s.number for s in squares(redis)] == [0, 1, 4]
    follow(redis_process, square, lambda: len(squares(redis)) == 5)
    assert [s.number for s in squares(redis)] == [0, 1, 4, 9, 16]


def test_what_is_no_such_message_is_dropped(redis: Redis, redis_process: RedisServer) -> None:
    redis.xadd(Number.topic, {"json": "{}"})
    redis.xadd(Number.topic, {"other": "1"})
    tell(redis, 2)
    follow(redis_process, square, lambda: len(squares(redis)) == 1)
    assert redis.xpending(Number.topic, "squares")["pending"] == 0


def test_a_redis_that_forgot_everything_is_begun_with_again(
    redis: Redis, redis_process: RedisServer
) -> None:
    tell(redis, 1)
    seen: list[int] = []

    async def forget(key: str, message: Number, commit: Pipeline) -> None:
        seen.append(message.number)
        await square(key, message, commit)

    def refilled() -> bool:
        if seen == [1] and squares(redis):
            redis.flushall()
            tell(redis, 2)
        return seen[-1:] == [2] and bool(squares(redis))

    follow(redis_process, forget, refilled)
    assert [s.number for s in squares(redis)] == [4]
