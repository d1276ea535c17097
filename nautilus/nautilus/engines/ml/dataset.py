"""Samples to learn from: inputs at a bar, and what followed within the horizon."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nautilus.engines.ml.inputs import INPUTS, Array, matrix
from nautilus.market.bars import LENGTHS
from nautilus.market.batch import compute_features
from nautilus.market.flow import FLOW_INTERVAL, FeatureBatch
from nautilus.market.indicators import DEFINITIONS
from nautilus.market.series import Bars, Parameters

# Bars that are further apart than so many times the horizon are of two different stretches.
MAX_GAPS = 5


@dataclass(frozen=True)
class Dataset:
    """A row a sample, ordered by time."""

    inputs: NDArray[np.float32]
    returns: Array
    """Over the horizon."""
    deviations: Array
    """Root of the sum of the squared returns of the horizon's bars."""
    times: Array
    """Of the inputs, in bars."""

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> "Dataset":
        """All parts' samples in one order of time."""
        found = list(parts)
        times = np.concatenate([part.times for part in found])
        order = np.argsort(times, kind="stable")
        return cls(
            np.concatenate([part.inputs for part in found])[order],
            np.concatenate([part.returns for part in found])[order],
            np.concatenate([part.deviations for part in found])[order],
            times[order],
        )

    def __len__(self) -> int:
        return len(self.returns)


def from_bars(instruments: Mapping[str, Bars], parameters: Parameters, horizon: int) -> Dataset:
    """Samples of instruments whose last bars are of the same time."""
    computed = compute_features(instruments, list(DEFINITIONS), parameters)
    parts = []
    for symbol, bars in instruments.items():
        features = {name: np.array(computed[symbol][name], dtype=float) for name in INPUTS}
        times = np.arange(len(bars.close), dtype=float) - len(bars.close)
        parts.append(_samples(np.array(bars.close), features, times, horizon))
    return Dataset.joined(parts)


def from_flow(batches: Iterable[FeatureBatch], horizon: int) -> Dataset:
    """Samples of the features that were published, oldest first."""
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    bar_s = LENGTHS[FLOW_INTERVAL].total_seconds()
    for batch in batches:
        for symbol, features in batch.features.items():
            values = (features.get(name) for name in INPUTS)
            known = (math.nan if value is None else value for value in values)
            rows[symbol].append((batch.at.timestamp() / bar_s, batch.closes[symbol], *known))
    tables = [np.array(table) for table in rows.values()]
    return Dataset.joined(
        _samples(table[:, 1], dict(zip(INPUTS, table[:, 2:].T, strict=True)), table[:, 0], horizon)
        for table in tables or [np.empty((0, 2 + len(INPUTS)))]
    )


def _samples(closes: Array, features: Mapping[str, Array], times: Array, horizon: int) -> Dataset:
    inputs = matrix(closes, features)[: max(len(closes) - horizon, 0)]
    later, now = slice(horizon, None), slice(0, len(inputs))
    squares = np.concatenate([[0.0], np.cumsum((closes[1:] / closes[:-1] - 1) ** 2)])
    spans = times[later] - times[now]
    good = np.isfinite(inputs).all(axis=1) & (spans > 0) & (spans <= MAX_GAPS * horizon)
    return Dataset(
        inputs[good].astype(np.float32),
        (closes[later] / closes[now] - 1)[good],
        # Rounding may leave a sum of squares that is a little below zero.
        np.sqrt(np.maximum(squares[later][: len(inputs)] - squares[now], 0.0))[good],
        times[now][good],
    )
