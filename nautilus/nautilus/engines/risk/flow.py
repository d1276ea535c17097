"""The risk engine's part in the data flow: signals in, allowed orders or breaches out."""

from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.risk.book import LimitBook, record_breach
from nautilus.engines.risk.limits import CheckRequest, EquityRequiredError, find_excesses
from nautilus.frame.relay import Source, publish, relay
from nautilus.frame.streams import between
from nautilus.frame.topics import ORDERS
from nautilus.market.flow import POSITIONS_NOW, AllowedOrder, Breach, Positions, Signal
from nautilus.market.orders import Excess, Position

JUDGED = "nautilus:risk:judged:"
REMEMBER_S = 86_400


async def follow(redis: Redis, book: LimitBook, count: Callable[[bool], None]) -> None:
    """Judge each signal once; ends only by an error. `count` is told whether it was refused."""
    await book.loaded.wait()

    async def handle(_: str, signal: Signal, commit: Pipeline) -> None:
        if await redis.exists(JUDGED + signal.id):
            return
        excesses, reason = await _judge(redis, book, signal)
        commit.set(JUDGED + signal.id, 1, ex=REMEMBER_S)
        refused = bool(excesses or reason)
        if refused:
            record_breach(commit, _breach(signal, excesses, reason))
        else:
            publish(commit, AllowedOrder.model_validate(signal.model_dump()))
        count(refused)

    await relay(redis, "risk", Source(Signal, handle))


async def _judge(redis: Redis, book: LimitBook, signal: Signal) -> tuple[list[Excess], str | None]:
    limits = book.get(signal.portfolio)
    if limits is None:
        return [], "the portfolio has no limits"
    stored = await redis.hget(POSITIONS_NOW, signal.portfolio)
    if stored is None:
        return [], "the portfolio is not open"
    held = Positions.model_validate_json(stored)
    request = CheckRequest(
        order=signal.order,
        positions=await _with_open_orders(redis, held),
        equity=held.equity if held.equity > 0 else None,
    )
    try:
        return find_excesses(limits, request), None
    except EquityRequiredError:
        return [], "the portfolio is worth nothing, and has a leverage limit"


async def _with_open_orders(redis: Redis, held: Positions) -> dict[str, Position]:
    """What the portfolio will hold once the orders are filled that were allowed already."""
    positions = dict(held.positions)
    for allowed in await between(redis, ORDERS, AllowedOrder, held.filled_to):
        if allowed.portfolio == held.portfolio:
            order = allowed.order
            former = positions.get(order.symbol)
            quantity = (former.quantity if former else 0.0) + order.signed_quantity
            positions[order.symbol] = Position(quantity=quantity, price=order.price)
    return positions


def _breach(signal: Signal, excesses: list[Excess], reason: str | None) -> Breach:
    return Breach(
        at=signal.at,
        origin=signal.origin,
        signal=signal.id,
        strategy=signal.strategy,
        portfolio=signal.portfolio,
        order=signal.order,
        excesses=excesses,
        reason=reason,
    )
