"""A job as its work sees it."""

import asyncio
from typing import TypeVar

from pydantic import BaseModel

from nautilus.frame.job_store import Claim, JobStore

PROGRESS_STEP = 0.01

Model = TypeVar("Model", bound=BaseModel)


class JobFailedError(Exception):
    """The work cannot be done, and trying again would not help; its text is the job's error."""


class Task:
    """One attempt at a job."""

    def __init__(self, claim: Claim, store: JobStore, asked: BaseModel | None) -> None:
        self.claim = claim
        self.progress = 0.0
        self.note = ""
        self.news = asyncio.Event()
        self.stopped = False
        """The job is no longer ours: a thread that computes for it may give up."""
        self._store = store
        self._asked = asked
        self._loop = asyncio.get_running_loop()

    async def read(self, model: type[Model]) -> Model:
        """What was asked: as this worker accepted it, else as it is stored."""
        if isinstance(self._asked, model):
            return self._asked
        text = await self._store.request(self.claim.id)
        if text is None:
            raise JobFailedError("it was deleted")
        return model.model_validate_json(text)

    def report(self, progress: float, note: str = "") -> None:
        """Say how far the work is, from 0 to 1; any thread may."""
        progress = min(max(progress, 0.0), 1.0)
        if abs(progress - self.progress) >= PROGRESS_STEP or note != self.note:
            self.progress, self.note = progress, note
            self._loop.call_soon_threadsafe(self.news.set)
