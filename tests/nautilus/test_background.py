"""Background work ends when it is told to."""

import asyncio

import pytest
from nautilus.frame import background
from nautilus.frame.background import Background, end
from nautilus.frame.shared import Shared


async def loses_a_cancellation() -> None:
    """A double of work in a library that swallows the first cancellation."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


def test_work_that_loses_a_cancellation_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CANCEL_AGAIN_S", 0.01)

    async def life() -> None:
        work = Background(Shared(()))
        work.start("deaf", loses_a_cancellation)
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await work.stop()
        assert all(task.cancelled() for task in work._tasks)

    asyncio.run(life())


def test_work_that_fails_while_it_ends_is_waited_for() -> None:
    ended: list[str] = []

    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            ended.append("cleaned up")
            raise ValueError

    async def life() -> None:
        task = asyncio.create_task(fails())
        await asyncio.sleep(0)
        await end((task,))
        assert isinstance(task.exception(), ValueError)

    asyncio.run(life())
    assert ended == ["cleaned up"]
