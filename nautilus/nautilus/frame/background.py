"""Work that goes on beside the requests, and says so when it stops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from nautilus.frame.shared import Shared
from nautilus.frame.stores import NOT_PREPARED, STORE_AWAY

log = logging.getLogger(__name__)

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
CANCEL_AGAIN_S = 2.0


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended, by whatever.

    A task that does not end is cancelled again: before Python 3.12 `asyncio.wait_for`, by which
    Redis' client sends, loses a cancellation that comes when it is done (python/cpython#86296).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)


class Background:
    """A service's endless work. It outlives a store that is away; any other end is a fault."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._tasks: list[asyncio.Task[None]] = []
        self.states: dict[str, str] = {}

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Begin a piece of work that should never end."""
        self.states[name] = "running"
        self._tasks.append(asyncio.create_task(self._keep(name, work), name=name))

    async def stop(self) -> None:
        """Cancel all work and wait for it."""
        await end(self._tasks)

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            started = asyncio.get_running_loop().time()
            self.states[name] = "running"
            try:
                await work()
                self._died(name, "it ended")
                return
            except (*STORE_AWAY, *NOT_PREPARED) as error:
                self.states[name] = f"waiting: {error}"
            except Exception as error:
                log.exception("%s died", name)
                self._died(name, repr(error))
                return
            if asyncio.get_running_loop().time() - started > LONGEST_WAIT_S:
                wait_s = FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _died(self, name: str, reason: str) -> None:
        self.states[name] = f"died: {reason}"
        self._shared.post_notice(f"{name} died: {reason}")
