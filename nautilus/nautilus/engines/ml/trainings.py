"""Trainings as jobs: accepted into a Redis stream, and there until a model or an error is kept.

The job's end, the model and the entry's removal are one transaction. So a training whose worker is
killed is begun again by the worker that follows, one whose process is killed by the same worker,
and none is done twice.
"""

import asyncio
import logging
from base64 import b64decode
from datetime import UTC, datetime
from typing import ClassVar, cast
from uuid import uuid4

from pydantic import JsonValue
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.ml.models import ModelInfo, TrainRequest
from nautilus.engines.ml.process import TrainingDiedError, TrainingFailedError, train
from nautilus.engines.ml.shelf import Shelf
from nautilus.frame.job_store import MOST_ATTEMPTS, Job, JobState
from nautilus.frame.relay import Message, Source, publish, relay
from nautilus.frame.streams import FIELD, Entries
from nautilus.frame.topics import FEATURES

INTAKE = "nautilus:intake:trainings"
JOBS = "nautilus:ml:jobs"
MOST_WAITING = 20
KEPT_JOBS = 100
FLOW_BATCHES = 5_000

log = logging.getLogger(__name__)


class TooManyTrainingsError(RuntimeError):
    """So many trainings wait that one more is not accepted."""


class TrainingOrder(Message):
    """A training that was accepted."""

    topic: ClassVar[str] = INTAKE
    job: str
    request: TrainRequest


class TrainingJob(Job):
    """A training; its result is the model's `ModelInfo`."""

    request: JsonValue
    """Without the bars: they are in the stream until they have been learned from, and go then."""


async def submit(redis: Redis, request: TrainRequest) -> TrainingJob:
    """Accept a training: it is stored when this returns; raises TooManyTrainingsError."""
    if await redis.xlen(INTAKE) >= MOST_WAITING:
        raise TooManyTrainingsError(f"{MOST_WAITING} trainings wait already")
    now = datetime.now(UTC)
    job = TrainingJob(
        id=uuid4(),
        engine="ml",
        kind="training",
        state=JobState.QUEUED,
        progress=0.0,
        note="",
        attempts=0,
        error=None,
        created_at=now,
        started_at=None,
        finished_at=None,
        request=cast("JsonValue", request.model_dump(mode="json", exclude={"instruments"})),
        result=None,
    )
    async with redis.pipeline(transaction=True) as commit:
        commit.hset(JOBS, str(job.id), job.model_dump_json())
        publish(commit, TrainingOrder(origin="", at=now, job=str(job.id), request=request))
        await commit.execute()
    return job


async def jobs(redis: Redis) -> list[TrainingJob]:
    """All jobs that are remembered, the newest first."""
    stored = map(TrainingJob.model_validate_json, (await redis.hgetall(JOBS)).values())
    return sorted(stored, key=lambda job: job.created_at, reverse=True)


async def find(redis: Redis, job: str) -> TrainingJob | None:
    """One job; None when it is not remembered."""
    stored = await redis.hget(JOBS, job)
    return None if stored is None else TrainingJob.model_validate_json(stored)


async def work(redis: Redis, shelf: Shelf) -> None:
    """Do the trainings, one after the other; ends only by an error."""

    async def handle(key: str, order: TrainingOrder, commit: Pipeline) -> None:
        job = await find(redis, order.job)
        if job is not None:
            await _do(redis, shelf, job, order.request, commit)
        commit.xdel(INTAKE, key)
        await _forget_old(redis, commit)

    await relay(redis, "ml", Source(TrainingOrder, handle))


async def _do(
    redis: Redis, shelf: Shelf, job: TrainingJob, request: TrainRequest, commit: Pipeline
) -> None:
    job.state, job.started_at = JobState.RUNNING, datetime.now(UTC)
    try:
        model = await _insist(redis, shelf, job, request, commit)
        job.state, job.result, job.progress = JobState.DONE, {"model": model.id}, 1.0
    except TrainingFailedError as error:
        job.state, job.error = JobState.FAILED, str(error)
    except asyncio.CancelledError:
        # The engine was told to stop: that is no attempt that failed.
        job.state, job.attempts = JobState.QUEUED, job.attempts - 1
        await redis.hset(JOBS, str(job.id), job.model_dump_json())
        raise
    job.finished_at = datetime.now(UTC)
    commit.hset(JOBS, str(job.id), job.model_dump_json())


async def _insist(
    redis: Redis, shelf: Shelf, job: TrainingJob, request: TrainRequest, commit: Pipeline
) -> ModelInfo:
    """Train, and again when what trains is killed; the job knows of other workers' attempts."""
    while job.attempts < MOST_ATTEMPTS:
        job.attempts += 1
        await redis.hset(JOBS, str(job.id), job.model_dump_json())
        try:
            return await _train(redis, shelf, job, request, commit)
        except TrainingDiedError as error:
            log.warning("training %s: %s; trying again", job.id, error)
    raise TrainingFailedError(
        f"given up: its worker or its process was lost in each of {MOST_ATTEMPTS} attempts"
    )


async def _train(
    redis: Redis, shelf: Shelf, job: TrainingJob, request: TrainRequest, commit: Pipeline
) -> ModelInfo:
    batches = [] if request.instruments else await _flow_history(redis)
    # The batches are JSON already, and many.
    training = f'{{"request":{request.model_dump_json()},"flow":[{",".join(batches)}]}}'
    result = await train(training)
    if result.trained is None:
        raise TrainingFailedError(result.error or "its process gave no model")
    return await shelf.put(redis, commit, result.trained, b64decode(result.onnx), str(job.id))


async def _flow_history(redis: Redis) -> list[str]:
    """The flow's last feature batches as JSON, oldest first."""
    entries = cast("Entries", await redis.xrevrange(FEATURES, count=FLOW_BATCHES))
    return [fields[FIELD] for _, fields in entries if fields][::-1]


async def _forget_old(redis: Redis, commit: Pipeline) -> None:
    for job in (await jobs(redis))[KEPT_JOBS:]:
        if job.finished_at is not None:
            commit.hdel(JOBS, str(job.id))
