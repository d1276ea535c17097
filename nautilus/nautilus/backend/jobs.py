"""All engines' jobs, and what came out of them."""

from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import HTTPException, Query
from pydantic import JsonValue
from sqlalchemy import DateTime, Select, Text, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column

from nautilus.backend.database import Table, transaction
from nautilus.frame.fields import Identifier
from nautilus.frame.job_store import ENDED_CHANNEL, OPEN, Job, JobState, JobSummary
from nautilus.frame.router import Router

NO_JOB: dict[int | str, dict[str, Any]] = {
    404: {"description": "no such job"},
    409: {"description": "not in this state"},
}
Limit = Annotated[int, Query(ge=1, le=1_000)]


class JobRow(Table):
    """A job as the engines keep it: see nautilus.frame.job_store."""

    __tablename__ = "job"
    __table_args__ = {"schema": "jobs"}  # noqa: RUF012 - as SQLAlchemy wants it

    id: Mapped[UUID] = mapped_column(primary_key=True)
    engine: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    progress: Mapped[float]
    note: Mapped[str]
    attempts: Mapped[int]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    request: Mapped[Any] = mapped_column(JSONB)
    result: Mapped[Any] = mapped_column(JSONB)


_SUMMARY = [getattr(JobRow, name) for name in JobSummary.model_fields]
_WHOLE = [getattr(JobRow, name) for name in Job.model_fields]


class AllJobs:
    """The jobs of every engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def routes(self) -> Router:
        """/jobs and /results."""
        router = Router()
        router.get("/jobs", tags=["jobs"])(self.recent)
        router.get("/jobs/{job_id}", tags=["jobs"], responses=NO_JOB)(self.get)
        router.get("/jobs/{job_id}/request", tags=["jobs"], responses=NO_JOB)(self.request)
        router.delete("/jobs/{job_id}", tags=["jobs"], responses=NO_JOB)(self.cancel)
        router.get("/results", tags=["results"])(self.results)
        router.get("/results/{job_id}", tags=["results"], responses=NO_JOB)(self.result)
        router.delete("/results/{job_id}", tags=["results"], status_code=204, responses=NO_JOB)(
            self.forget
        )
        return router

    async def recent(
        self, engine: Identifier | None = None, state: JobState | None = None, limit: Limit = 50
    ) -> list[JobSummary]:
        """The last jobs of all engines, or of one, the newest first."""
        query = select(*_SUMMARY).order_by(JobRow.created_at.desc(), JobRow.id).limit(limit)
        if engine is not None:
            query = query.where(JobRow.engine == engine)
        if state is not None:
            query = query.where(JobRow.state == state)
        return await self._summaries(query)

    async def get(self, job_id: UUID) -> Job:
        """One job with its progress, and its result or error once it ended."""
        async with transaction(self._engine) as session:
            row = (await session.execute(select(*_WHOLE).where(JobRow.id == job_id))).one_or_none()
        if row is None:
            raise _no_job(job_id)
        return Job.model_validate(row, from_attributes=True)

    async def request(self, job_id: UUID) -> JsonValue:
        """What a job was asked for."""
        query = select(JobRow.request).where(JobRow.id == job_id)
        async with transaction(self._engine) as session:
            row = (await session.execute(query)).one_or_none()
        if row is None:
            raise _no_job(job_id)
        return cast(JsonValue, row.request)

    async def cancel(self, job_id: UUID) -> JobSummary:
        """End a job that waits or runs; its worker stops when it next renews its lease."""
        statement = (
            update(JobRow)
            .where(JobRow.id == job_id, JobRow.state.in_(OPEN))
            .values(state=JobState.CANCELLED, finished_at=func.now())
            .returning(*_SUMMARY, func.pg_notify(ENDED_CHANNEL, JobRow.id.cast(Text)))
        )
        async with transaction(self._engine) as session:
            row = (await session.execute(statement)).one_or_none()
        if row is None:
            ended = await self.get(job_id)
            raise HTTPException(409, f"job {job_id} is {ended.state} already")
        return JobSummary.model_validate(row, from_attributes=True)

    async def results(
        self, engine: Identifier | None = None, kind: Identifier | None = None, limit: Limit = 50
    ) -> list[JobSummary]:
        """The last jobs that have a result, the newest first."""
        query = select(*_SUMMARY).where(JobRow.state == JobState.DONE)
        if engine is not None:
            query = query.where(JobRow.engine == engine)
        if kind is not None:
            query = query.where(JobRow.kind == kind)
        return await self._summaries(query.order_by(JobRow.finished_at.desc()).limit(limit))

    async def result(self, job_id: UUID) -> JsonValue:
        """What came out of a job, as its engine answered it."""
        job = await self.get(job_id)
        if job.state is not JobState.DONE:
            raise HTTPException(409, f"job {job_id} is {job.state}")
        return job.result

    async def forget(self, job_id: UUID) -> None:
        """Delete a job that ended, with its result."""
        gone = delete(JobRow).where(JobRow.id == job_id, JobRow.state.not_in(OPEN))
        async with transaction(self._engine) as session:
            found = (await session.execute(gone.returning(JobRow.id))).one_or_none()
        if found is None:
            job = await self.get(job_id)
            raise HTTPException(409, f"job {job_id} is {job.state}: cancel it first")

    async def _summaries(self, query: Select[Any]) -> list[JobSummary]:
        async with transaction(self._engine) as session:
            rows = (await session.execute(query)).all()
        return [JobSummary.model_validate(row, from_attributes=True) for row in rows]


def _no_job(job_id: UUID) -> HTTPException:
    return HTTPException(404, f"no job {job_id}")
