"""Where a service computes, so that its event loop stays free to answer."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from nautilus.frame.threads import POOLS_FOR_LIFE, ThreadPlan

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class Compute:
    """A worker's pool of threads, as wide as its share of the CPUs, and fitted when that changes.

    Threads and not processes: numpy, scipy, polars and onnxruntime let go of the interpreter's
    lock while they compute.
    """

    def __init__(self, workers: int) -> None:
        self._plan = ThreadPlan.current(workers)
        self._pools = self._plan.apply()
        self._executor = ThreadPoolExecutor(self._plan.threads, "compute")

    @property
    def cpus(self) -> int:
        """CPUs that the service has."""
        return self._plan.cpus

    @property
    def threads(self) -> dict[str, int]:
        """Threads of each pool of this worker."""
        return {"compute": self._plan.threads, **self._pools}

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Compute on the pool; raises what the work raises."""
        self.refit()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: work(*args, **kwargs))

    def refit(self) -> None:
        """Follow the CPUs that the service has now; no restart of the container is needed."""
        plan = ThreadPlan.current(self._plan.workers)
        if plan == self._plan:
            return
        log.info("CPUs %d -> %d", self._plan.cpus, plan.cpus)
        self._plan = plan
        self._pools = plan.apply()
        former, self._executor = self._executor, ThreadPoolExecutor(plan.threads, "compute")
        former.shutdown(wait=False)
        if POOLS_FOR_LIFE & sys.modules.keys() and os.environ.get("NAUTILUS_SUPERVISED"):
            # Such a pool cannot be fitted: finish what is open and let a new worker take over.
            os.kill(os.getpid(), signal.SIGTERM)

    def close(self) -> None:
        """Let what runs finish, start nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
