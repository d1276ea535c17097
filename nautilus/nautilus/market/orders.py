"""Orders and positions: what strategies ask for, risk judges and portfolios hold."""

from enum import StrEnum

from pydantic import BaseModel, FiniteFloat

from nautilus.frame.fields import Positive, Symbol


class Side(StrEnum):
    """Which way an order goes."""

    BUY = "buy"
    SELL = "sell"


class Order(BaseModel):
    """An order that asks to be let through."""

    symbol: Symbol
    side: Side
    quantity: Positive
    price: Positive

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

    quantity: FiniteFloat
    price: Positive


class Excess(BaseModel):
    """A limit that an order would break."""

    limit: str
    value: float
    threshold: float
