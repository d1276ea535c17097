"""The process of one training, as the engine starts it and waits for it."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process

from pydantic import BaseModel, ValidationError

from nautilus.engines.ml.models import Trained

LAST_WORDS = 500


class TrainingFailedError(RuntimeError):
    """The training cannot be done; its text is the job's error."""


class TrainingDiedError(RuntimeError):
    """A training's process was ended from outside, as by the kernel when memory is short."""


class Result(BaseModel):
    """What a training's process says."""

    error: str | None = None
    trained: Trained | None = None
    onnx: str = ""


async def train(training: str) -> Result:
    """Have a training done; raises TrainingFailedError and TrainingDiedError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "nautilus.engines.ml", str(os.getpid())),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        # The cores are shared: an OpenMP thread that waits must not spin.
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
    )
    try:
        said, complaint = await _told(process, training.encode())
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        last = complaint.decode(errors="replace").strip()[-LAST_WORDS:]
        kind = TrainingDiedError if process.returncode < 0 else TrainingFailedError
        raise kind(f"its process ended with {process.returncode}: {last}")
    try:
        return Result.model_validate_json(said)
    except ValidationError as error:
        raise TrainingFailedError(f"its process gave no model: {error}") from error


async def _told(process: Process, training: bytes) -> tuple[bytes, bytes]:
    """What a process says when it is told its training: its output and its errors."""
    try:
        return await process.communicate(training)
    except RuntimeError:
        # uvloop's word, where asyncio's is BrokenPipeError, for a process that ended before it was
        # told anything: its end of the pipe is closed already.
        if process.returncode is None:
            raise
        return b"", b""
