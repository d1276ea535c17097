"""Pre-trade limits, and what an order would break of them."""

from pydantic import BaseModel

from nautilus.frame.fields import Identifier, Positive, Symbol
from nautilus.market.orders import Excess, Order, Position


class Limits(BaseModel):
    """A portfolio's limits, in its currency; one that is left out does not bind."""

    portfolio: Identifier
    max_order_notional: Positive | None = None
    max_position_notional: Positive | None = None
    max_gross_notional: Positive | None = None
    max_leverage: Positive | None = None


class CheckRequest(BaseModel):
    """An order, with what the portfolio holds and is worth before it."""

    order: Order
    positions: dict[Symbol, Position] = {}
    equity: Positive | None = None


class CheckResult(BaseModel):
    """Whether the order may pass, and if not, why not."""

    portfolio: Identifier
    allowed: bool
    excesses: list[Excess]


class EquityRequiredError(ValueError):
    """A leverage limit binds, and the request does not say what the portfolio is worth."""


def find_excesses(limits: Limits, request: CheckRequest) -> list[Excess]:
    """Every limit that the portfolio would exceed with the order filled.

    Raises EquityRequiredError when a leverage limit cannot be judged.
    """
    order = request.order
    notionals = {name: held.quantity * held.price for name, held in request.positions.items()}
    notionals[order.symbol] = notionals.get(order.symbol, 0.0) + order.signed_notional
    gross = sum(map(abs, notionals.values()))
    measured = [
        ("max_order_notional", abs(order.signed_notional), limits.max_order_notional),
        ("max_position_notional", abs(notionals[order.symbol]), limits.max_position_notional),
        ("max_gross_notional", gross, limits.max_gross_notional),
    ]
    if limits.max_leverage is not None:
        if request.equity is None:
            raise EquityRequiredError(f"{limits.portfolio} has a leverage limit: give its equity")
        measured.append(("max_leverage", gross / request.equity, limits.max_leverage))
    return [
        Excess(limit=limit, value=value, threshold=threshold)
        for limit, value, threshold in measured
        if threshold is not None and value > threshold
    ]
