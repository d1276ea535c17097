"""Jobs that outlive a request, a worker and a restart.

An engine names its kinds of job, each with the coroutine that does it:

    self.jobs = Jobs(self, {"backtest": self._backtest}, parallel=2)

offers `self.jobs.routes()`, begins with `self.jobs.start()`, and accepts by `self.jobs.submit`.
Jobs are done at least once: work that was begun by a worker that died is begun again.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, cast
from uuid import UUID, uuid4

import asyncpg
from fastapi import HTTPException, Query, Response
from pydantic import BaseModel, JsonValue
from pydantic_core import from_json, to_json

from nautilus.frame.background import end
from nautilus.frame.job_news import JobNews
from nautilus.frame.job_store import OPEN, Claim, Job, JobState, JobStore, JobSummary
from nautilus.frame.refusal import unfit
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.frame.stores import STORE_AWAY
from nautilus.frame.task import JobFailedError, Task

log = logging.getLogger(__name__)

RENEWALS_PER_LEASE = 3
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
"""For a job's end: a worker that stops has somewhat longer to answer what it was asked."""
NO_JOB: dict[int | str, dict[str, Any]] = {404: {"description": "no such job"}}


Work = Callable[[Task], Awaitable[BaseModel | JsonValue]]
Outcome = tuple[JobState, str | None, str | None]
"""The state that a job ends in, its result and its error."""


class Jobs:
    """One engine's jobs: accepted here, done by whichever worker is free."""

    def __init__(self, service: Service, kinds: Mapping[str, Work], parallel: int = 1) -> None:
        self._service = service
        self._kinds = kinds
        self._parallel = parallel
        self._lease_s = service.settings.job_lease_s
        self._news = JobNews(service.name)
        self._accepted: dict[UUID, BaseModel] = {}
        """The last requests, as many as are done at once: to be read from Postgres no more."""
        self._running: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None

    def routes(self) -> Router:
        """GET /jobs, /jobs/{id} and /jobs/{id}/request."""
        router = Router(prefix="/jobs", tags=["jobs"])
        router.get("")(self.recent)
        router.get("/{job_id}", responses=NO_JOB)(self.get)
        router.get("/{job_id}/request", responses=NO_JOB)(self.request)
        return router

    def start(self) -> None:
        """Begin to do jobs, in this worker."""
        if "postgres" in self._service.stores.needed:
            self._service.background.start("jobs", self._take)

    @property
    def _store(self) -> JobStore:
        return JobStore(self._service.stores.postgres, self._service.name)

    async def submit(self, kind: str, request: BaseModel, response: Response) -> JobSummary:
        """Accept a job: it is stored when this returns. Answers 202 with the job's address."""
        identity = uuid4()
        # Before it is stored, as it may be claimed before this goes on.
        self._accepted[identity] = request
        if len(self._accepted) > self._parallel:
            del self._accepted[next(iter(self._accepted))]
        try:
            job = await self._store.submit(identity, kind, request.model_dump_json())
        except asyncpg.UntranslatableCharacterError as error:
            raise unfit("request", f"it cannot be stored: {error}") from error
        if job is None:
            raise HTTPException(429, f"too many jobs wait for {self._service.name}")
        response.status_code = 202
        response.headers["Location"] = f"/jobs/{job.id}"
        return job

    async def recent(
        self, state: JobState | None = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 50
    ) -> list[JobSummary]:
        """The last jobs of this engine, the newest first."""
        return await self._store.recent(state, limit)

    async def get(
        self, job_id: UUID, wait_s: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S)] = 0
    ) -> Job:
        """One job with its progress, and its result or error once it ended.

        `wait_s` answers when the job ends, or after so many seconds.
        """
        with self._news.end_of(job_id) as ended:
            job = await self._store.get(job_id)
            if job is not None and job.state in OPEN and wait_s:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await ended.wait()
                job = await self._store.get(job_id)
        if job is None:
            raise HTTPException(404, f"no job {job_id}")
        return job

    async def request(self, job_id: UUID) -> JsonValue:
        """What a job was asked for."""
        text = await self._store.request(job_id)
        if text is None:
            raise HTTPException(404, f"no job {job_id}")
        return cast(JsonValue, from_json(text))

    async def _take(self) -> None:
        try:
            async with self._news.listening(self._service.stores.postgres) as connection:
                while True:
                    self._news.bell.clear()
                    await self._fill()
                    await self._wait()
                    if connection.is_closed():
                        raise ConnectionError("the connection that tells of new jobs was lost")
                    if self._fault is not None:
                        raise self._fault
        except asyncio.CancelledError:
            await end(self._running)
            raise

    async def _fill(self) -> None:
        worker = f"{socket.gethostname()}-{os.getpid()}"
        while len(self._running) < self._parallel:
            claim = await self._store.claim(list(self._kinds), worker, self._lease_s)
            if claim is None:
                return
            work = Task(claim, self._store, self._accepted.pop(claim.id, None))
            task = asyncio.create_task(self._do(work), name=f"job {claim.id}")
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._fault = task.exception()
        self._news.bell.set()

    async def _wait(self) -> None:
        """Until there may be something to take: told of it, or because a lease ends."""
        full = len(self._running) >= self._parallel
        end_s = None if full else await self._store.next_lease_end_s(list(self._kinds))
        with suppress(TimeoutError):
            async with asyncio.timeout(end_s):
                await self._news.bell.wait()

    async def _do(self, task: Task) -> None:
        work = asyncio.create_task(self._outcome(task))
        lease = asyncio.create_task(self._hold(task))
        try:
            await asyncio.wait((work, lease), return_when=asyncio.FIRST_COMPLETED)
            if lease.done():
                lease.result()
                log.warning("job %s: lost, by its lease or because it was cancelled", task.claim.id)
            elif (outcome := work.result()) is not None:
                await self._finish(task.claim, outcome)
        except asyncio.CancelledError:
            # This worker is told to stop: let another begin at once.
            with suppress(*STORE_AWAY):
                await self._store.release(task.claim)
            raise
        finally:
            task.stopped = True
            work.cancel()
            lease.cancel()

    async def _finish(self, claim: Claim, outcome: Outcome) -> None:
        try:
            await _until_stored(lambda: self._store.finish(claim, *outcome))
        except asyncpg.DataError as error:
            failed = (JobState.FAILED, None, f"its result cannot be stored: {error}")
            await _until_stored(lambda: self._store.finish(claim, *failed))

    async def _outcome(self, task: Task) -> Outcome | None:
        """What to store; None when the lease should run out and the job be tried again."""
        try:
            result = await self._kinds[task.claim.kind](task)
            return JobState.DONE, to_json(result, inf_nan_mode="null").decode(), None
        except JobFailedError as error:
            return JobState.FAILED, None, str(error)
        except STORE_AWAY as error:
            log.warning("job %s: to be tried again: %s", task.claim.id, error)
            return None
        except Exception as error:
            log.exception("job %s failed", task.claim.id)
            return JobState.FAILED, None, f"{type(error).__name__}: {error}"

    async def _hold(self, task: Task) -> None:
        """Renew the lease and pass progress on, until the job is no longer ours."""

        async def keep() -> bool:
            return await self._store.keep(task.claim, task.progress, task.note, self._lease_s)

        while await _until_stored(keep):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lease_s / RENEWALS_PER_LEASE):
                    await task.news.wait()
            task.news.clear()


async def _until_stored(write: Callable[[], Awaitable[bool]]) -> bool:
    """Write as soon as Postgres is there."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await write()
        except STORE_AWAY as error:
            log.warning("jobs: %s", error)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, 2.0)
