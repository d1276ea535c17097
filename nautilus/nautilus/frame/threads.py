"""As many threads as the service has CPUs, and no more.

A cpuset shows in the process's affinity; a CPU quota does not, and BLAS would not see it either.
"""

import os
import sys
from dataclasses import dataclass

POOL_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "POLARS_MAX_THREADS",
    # The event loop's, which look names up: four of them unless told.
    "UV_THREADPOOL_SIZE",
)
POOLS_FOR_LIFE = frozenset({"polars", "onnxruntime"})
"""Libraries that keep their pool as it is once it has started: see Compute.refit."""


def available_cpus() -> int:
    """CPUs that this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class ThreadPlan:
    """The CPUs that a service has, and each worker's share of them in threads."""

    cpus: int
    workers: int

    @classmethod
    def current(cls, workers: int) -> "ThreadPlan":
        """The plan for the affinity of this moment."""
        return cls(cpus=available_cpus(), workers=workers)

    @property
    def threads(self) -> int:
        """Threads for each pool of one worker; all workers together fit the CPUs."""
        return max(1, self.cpus // self.workers)

    def preset(self) -> None:
        """Set what the libraries' pools read when they start; call it before their import."""
        for variable in POOL_VARIABLES:
            os.environ[variable] = str(self.threads)

    def apply(self) -> dict[str, int]:
        """Fit the libraries already loaded; returns each one's threads."""
        # Only a service that computes has these loaded; the others need not pay for the import.
        if "numpy" not in sys.modules:
            return {}
        from threadpoolctl import ThreadpoolController  # noqa: PLC0415

        controller = ThreadpoolController()
        controller.limit(limits=self.threads)
        pools = {str(pool["internal_api"]): int(pool["num_threads"]) for pool in controller.info()}
        if "polars" in sys.modules:
            pools["polars"] = int(os.environ.get("POLARS_MAX_THREADS", self.cpus))
        if "onnxruntime" in sys.modules:
            pools["onnxruntime"] = _onnxruntime_pool(self.threads)
        return pools


_onnxruntime_pools: list[int] = []


def _onnxruntime_pool(threads: int) -> int:
    """The width of the one pool of all its sessions, which the first call makes."""
    from onnxruntime import set_global_thread_pool_sizes  # noqa: PLC0415

    if not _onnxruntime_pools:
        set_global_thread_pool_sizes(threads, 1)
        _onnxruntime_pools.append(threads)
    return _onnxruntime_pools[0]
