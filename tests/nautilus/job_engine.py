"""An engine of the tests' own that does jobs: `python -m tests.nautilus.job_engine` serves it."""

import asyncio
import gc
import os
import sys
from pathlib import Path

from fastapi import APIRouter, Response
from nautilus.__main__ import main
from nautilus.catalogue import SERVICES
from nautilus.frame.job_store import JobSummary
from nautilus.frame.jobs import Jobs
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings
from nautilus.frame.task import JobFailedError, Task
from pydantic import BaseModel, JsonValue
from typing_extensions import override


class Count(BaseModel):
    to: int
    gate: Path | None = None
    """A file without which the work does not end."""
    text: str = ""


class Counter(Service):
    name = "counter"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.jobs = Jobs(self, {"count": self._count}, parallel=2)

    @override
    def routes(self) -> APIRouter:
        router = APIRouter()
        router.post("/counts", status_code=202)(self.submit)
        router.get("/frozen")(self.frozen)
        router.include_router(self.jobs.routes())
        return router

    @override
    async def start(self) -> None:
        self.jobs.start()

    async def submit(self, count: Count, response: Response) -> JobSummary:
        return await self.jobs.submit("count", count, response)

    async def frozen(self) -> int:
        """Objects that the collector of garbage leaves alone."""
        return gc.get_freeze_count()

    async def _count(self, task: Task) -> JsonValue:
        count = await task.read(Count)
        if count.to == 13:
            raise JobFailedError("nobody counts to 13")
        if count.to == 14:
            raise KeyError("fourteen")
        if count.to == 15:
            raise ConnectionError("a store is away")
        if count.to == 16:
            return {"text": "\0"}
        task.report(0.5, "half way")
        while count.gate is not None and not count.gate.exists():
            await asyncio.sleep(0.02)
        return {"counted": count.to, "by": os.getpid(), "nan": float("nan")}


if __name__ == "__main__":
    SERVICES["counter"] = "tests.nautilus.job_engine:Counter"
    sys.argv.append("counter")
    main()
