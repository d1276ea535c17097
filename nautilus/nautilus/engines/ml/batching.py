"""Small requests that come at the same time become one run of the model."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from nautilus.engines.ml.inputs import Array
from nautilus.engines.ml.runtime import Model

Inputs = NDArray[np.float32]
Run = Callable[[Model, Inputs], Awaitable[Array]]


class _Batch:
    def __init__(self) -> None:
        self.parts: list[Inputs] = []
        self.rows = 0
        self.full = asyncio.Event()
        self.answers: asyncio.Task[Array]

    def add(self, inputs: Inputs) -> slice:
        """Join the batch; where the answers will be."""
        start = self.rows
        self.parts.append(inputs)
        self.rows += len(inputs)
        return slice(start, self.rows)


class Batcher:
    """Gathers inputs for a model until it is time to run it.

    That is when there are so many rows, or when the first of them has waited so long.
    """

    def __init__(self, run: Run, full_rows: int, longest_wait_s: float) -> None:
        self._run = run
        self._full_rows = full_rows
        self._longest_wait_s = longest_wait_s
        self._open: dict[Model, _Batch] = {}

    async def predict(self, model: Model, inputs: Inputs) -> Array:
        """The model's answers to these inputs; raises what the run raises."""
        batch = self._open.get(model)
        if batch is None:
            batch = self._open[model] = _Batch()
            batch.answers = asyncio.create_task(self._answer(model, batch))
        rows = batch.add(inputs)
        if batch.rows >= self._full_rows:
            batch.full.set()
            # What comes from now on is for the next batch.
            self._open.pop(model, None)
        # One caller that gives up must not take the answers from the others.
        return (await asyncio.shield(batch.answers))[rows]

    async def _answer(self, model: Model, batch: _Batch) -> Array:
        with suppress(TimeoutError):
            await asyncio.wait_for(batch.full.wait(), self._longest_wait_s)
        if self._open.get(model) is batch:
            del self._open[model]
        inputs = batch.parts[0] if len(batch.parts) == 1 else np.concatenate(batch.parts)
        return await self._run(model, inputs)
