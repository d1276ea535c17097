"""What a model sees of an instrument: its technical features, freed of the price's level."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, FiniteFloat

Array = NDArray[np.float64]

Price = Annotated[FiniteFloat, Field(ge=1e-9, le=1e12)]
Value = Annotated[FiniteFloat, Field(ge=-1e12, le=1e12)]


class Features(BaseModel):
    """An instrument's features at a bar, as the features engine gives them; models need all."""

    rsi: Value
    macd: Value
    macd_signal: Value
    macd_histogram: Value
    atr: Value
    bollinger_upper: Value
    bollinger_middle: Value
    bollinger_lower: Value
    realized_volatility: Value
    zscore: Value


INPUTS = tuple(Features.model_fields)
"""The columns of a model's input, in this order."""

_BANDS = {"bollinger_upper", "bollinger_middle", "bollinger_lower"}
_IN_PRICES = {"macd", "macd_signal", "macd_histogram", "atr", *_BANDS}


def matrix(closes: Array, features: Mapping[str, Array]) -> Array:
    """Rows of inputs from columns of features; those in the price's unit become shares of it."""
    columns = []
    for name in INPUTS:
        values = features[name]
        columns.append(values / closes if name in _IN_PRICES else values)
        if name in _BANDS:
            # Taken off before the values become single precision, which would round it away.
            columns[-1] = columns[-1] - 1
    return np.column_stack(columns)
