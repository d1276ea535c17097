"""Field types that the services' models share."""

from typing import Annotated

from pydantic import Field, FiniteFloat, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
"""A portfolio's, strategy's or model's name: one word that is safe in a URL and a Redis key."""

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,31}$")]
"""An instrument's name."""

Positive = Annotated[FiniteFloat, Field(gt=0)]
NonNegative = Annotated[FiniteFloat, Field(ge=0)]
Price = Annotated[FiniteFloat, Field(ge=1e-9, le=1e12)]
"""Of one unit. Beyond these nothing trades, and a product or a ratio could overflow."""
Quantity = Annotated[FiniteFloat, Field(gt=0, le=1e15)]
Confidence = Annotated[FiniteFloat, Field(ge=0.5, lt=1)]
"""A confidence level, such as 0.99."""
