"""Jobs in Postgres: what is asked, who is at it, what came out.

A worker holds a job by a lease that it renews; when the lease ends, the job is anybody's. Every
statement is fenced by worker and attempt, so a worker that lost its job can no longer write to it.
"""

# ruff: noqa: S608 - the statements are put together from the constants of this file alone.
import json
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg
from pydantic import BaseModel, JsonValue

CHANNEL = "nautilus_jobs"
"""Says an engine that may have a job to take."""
ENDED_CHANNEL = "nautilus_jobs_ended"
"""Says a job that its worker ended."""
MOST_ATTEMPTS = 3
MOST_WAITING = 1_000


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (JobState.QUEUED, JobState.RUNNING)
"""What a job is in until it ends."""


class JobSummary(BaseModel):
    """A job without what was asked and what came out."""

    id: UUID
    engine: str
    kind: str
    state: JobState
    progress: float
    """From 0 to 1, as its worker last said."""
    note: str
    attempts: int
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Job(JobSummary):
    """A job with its result once it is done; what was asked may be large and is told apart."""

    result: JsonValue


SUMMARY = ", ".join(JobSummary.model_fields)

_SUBMIT = f"""
WITH waiting AS (
    SELECT count(*) AS jobs FROM jobs.job WHERE engine = $1 AND state = 'queued'
), told AS (SELECT pg_notify('{CHANNEL}', $1))
INSERT INTO jobs.job (engine, id, kind, request)
SELECT $1, $2, $3, $4::jsonb FROM waiting, told WHERE jobs < {MOST_WAITING}
RETURNING {SUMMARY}
"""

# Whoever claims tells the others, so that they learn when its lease would end.
_CLAIM = f"""
WITH next AS (
    SELECT id FROM jobs.job
    WHERE engine = $1 AND kind = ANY($2::text[]) AND attempts < {MOST_ATTEMPTS}
        AND (state = 'queued' OR (state = 'running' AND lease_until < now()))
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE jobs.job SET
    state = 'running', worker = $3, attempts = attempts + 1, progress = 0, note = '',
    started_at = now(), lease_until = now() + make_interval(secs => $4)
FROM next WHERE job.id = next.id
RETURNING job.id, kind, attempts, pg_notify('{CHANNEL}', $1)
"""

_GIVE_UP = f"""
UPDATE jobs.job SET state = 'failed', finished_at = now(), error =
    'given up after ' || attempts || ' attempts: each time its worker (last ' || worker
    || ') was lost, or a store that it needs was away'
WHERE engine = $1 AND state = 'running' AND lease_until < now() AND attempts >= {MOST_ATTEMPTS}
"""

_MINE = "id = $1 AND worker = $2 AND attempts = $3 AND state = 'running'"

_KEEP = f"""
UPDATE jobs.job SET progress = $4, note = $5, lease_until = now() + make_interval(secs => $6)
WHERE {_MINE}
"""

_FINISH = f"""
WITH told AS (SELECT pg_notify('{ENDED_CHANNEL}', $1::uuid::text))
UPDATE jobs.job SET
    state = $4, result = $5::jsonb, error = $6, finished_at = now(),
    progress = CASE WHEN $4 = 'done' THEN 1 ELSE progress END
FROM told WHERE {_MINE}
"""

_RELEASE = f"""
WITH told AS (SELECT pg_notify('{CHANNEL}', $4))
UPDATE jobs.job SET state = 'queued', attempts = attempts - 1 FROM told WHERE {_MINE}
"""

_NEXT_LEASE_END_S = """
SELECT extract(epoch FROM min(lease_until) - now())::float8
FROM jobs.job WHERE engine = $1 AND state = 'running' AND kind = ANY($2::text[])
"""

_RECENT = f"""
SELECT {SUMMARY} FROM jobs.job WHERE engine = $1 AND ($2::text IS NULL OR state = $2)
ORDER BY created_at DESC, id LIMIT $3
"""

_GET = f"SELECT {SUMMARY}, result FROM jobs.job WHERE engine = $1 AND id = $2"

_REQUEST = "SELECT request FROM jobs.job WHERE engine = $1 AND id = $2"


class Claim(BaseModel):
    """A job in the hands of a worker, for one attempt."""

    id: UUID
    kind: str
    attempt: int
    worker: str

    @property
    def fence(self) -> tuple[UUID, str, int]:
        """What tells this attempt from any other."""
        return self.id, self.worker, self.attempt


class JobStore:
    """One engine's jobs. Raises what asyncpg raises."""

    def __init__(self, pool: asyncpg.Pool, engine: str) -> None:
        self._pool = pool
        self._engine = engine

    async def submit(self, job: UUID, kind: str, request: str) -> JobSummary | None:
        """Store a request, a JSON text; None when too many wait already."""
        row = await self._pool.fetchrow(_SUBMIT, self._engine, job, kind, request)
        return None if row is None else JobSummary.model_validate(dict(row))

    async def claim(self, kinds: list[str], worker: str, lease_s: float) -> Claim | None:
        """Take the oldest job that nobody holds; fail those whose attempts are used up."""
        await self._pool.execute(_GIVE_UP, self._engine)
        row = await self._pool.fetchrow(_CLAIM, self._engine, kinds, worker, lease_s)
        if row is None:
            return None
        return Claim(
            id=row["id"],
            kind=row["kind"],
            attempt=row["attempts"],
            worker=worker,
        )

    async def keep(self, claim: Claim, progress: float, note: str, lease_s: float) -> bool:
        """Renew a lease and say how far the work is; False when the job is no longer ours."""
        return _changed(await self._pool.execute(_KEEP, *claim.fence, progress, note, lease_s))

    async def finish(
        self, claim: Claim, state: JobState, result: str | None = None, error: str | None = None
    ) -> bool:
        """Store what came out; False when the job is no longer ours."""
        return _changed(await self._pool.execute(_FINISH, *claim.fence, state, result, error))

    async def release(self, claim: Claim) -> bool:
        """Put a job back, as if it had not been tried."""
        return _changed(await self._pool.execute(_RELEASE, *claim.fence, self._engine))

    async def next_lease_end_s(self, kinds: list[str]) -> float | None:
        """Seconds until the first lease of these kinds ends; None when no such job is running."""
        end_s = await self._pool.fetchval(_NEXT_LEASE_END_S, self._engine, kinds)
        return None if end_s is None else max(0.0, float(end_s))

    async def recent(self, state: JobState | None, limit: int) -> list[JobSummary]:
        """The last jobs, the newest first."""
        rows = await self._pool.fetch(_RECENT, self._engine, state, limit)
        return [JobSummary.model_validate(dict(row)) for row in rows]

    async def get(self, job: UUID) -> Job | None:
        """One job with its result."""
        row = await self._pool.fetchrow(_GET, self._engine, job)
        if row is None:
            return None
        result = None if row["result"] is None else json.loads(row["result"])
        return Job.model_validate({**dict(row), "result": result})

    async def request(self, job: UUID) -> str | None:
        """What was asked, as JSON; None when there is no such job."""
        text: str | None = await self._pool.fetchval(_REQUEST, self._engine, job)
        return text


def _changed(status: str) -> bool:
    return status != "UPDATE 0"
