"""Orders and positions: what strategies ask for, risk judges and portfolios hold."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, FiniteFloat

from nautilus.frame.fields import Price, Quantity, Symbol


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "buy"
    SELL = "sell"


class Order(BaseModel):
    """An order that asks to be let through."""

    symbol: Symbol
    side: Side
    quantity: Quantity
    price: Price

    @property
    def signed_quantity(self) -> float:
        """Its quantity, negative when it sells."""
        return self.quantity if self.side is Side.BUY else -self.quantity

    @property
    def signed_notional(self) -> float:
        """Its value, negative when it sells."""
        return self.signed_quantity * self.price


class Position(BaseModel):
    """What is held of an instrument; a negative quantity is a short position."""

    quantity: Annotated[FiniteFloat, Field(ge=-1e15, le=1e15)]
    price: Price


class Excess(BaseModel):
    """A limit that an order would break."""

    limit: str
    value: float
    threshold: float
