"""Bars to trade in tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

START = datetime(2026, 1, 5, tzinfo=UTC)


def walk(count: int, seed: int = 1, symbol: str = "ACME", **more: Any) -> dict[str, Any]:
    """A random walk as a request's bars, a minute each."""
    steps = np.random.default_rng(seed).normal(0, 0.002, count)
    close = (100 * np.exp(np.cumsum(steps))).round(4)
    start = np.r_[100.0, close[:-1]]
    return {
        "symbol": symbol,
        "interval": "1m",
        "at": [(START + timedelta(minutes=i)).isoformat() for i in range(count)],
        "open": start.tolist(),
        "high": np.maximum(start, close).tolist(),
        "low": np.minimum(start, close).tolist(),
        "close": close.tolist(),
        **more,
    }
