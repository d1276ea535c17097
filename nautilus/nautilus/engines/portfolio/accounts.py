"""What portfolios hold, in Postgres: opened with cash, changed by orders alone."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg

from nautilus.market.flow import AllowedOrder, Positions
from nautilus.market.orders import Position

# What is left of a position by rounding is no position.
SMALLEST_QUANTITY = 1e-9


class AccountExistsError(ValueError):
    """A portfolio was opened before."""


@dataclass
class Account:
    """A portfolio's cash and holdings."""

    portfolio: str
    cash: float
    filled_to: str = ""
    positions: dict[str, Position] = field(default_factory=dict)

    @property
    def equity(self) -> float:
        """Cash and what the holdings are worth at their last prices."""
        return self.cash + sum(held.quantity * held.price for held in self.positions.values())

    def fill(self, key: str, allowed: AllowedOrder) -> None:
        """Trade an order at its price: nobody else is here to trade with."""
        order = allowed.order
        former = self.positions.get(order.symbol)
        quantity = (former.quantity if former else 0.0) + order.signed_quantity
        self.positions.pop(order.symbol, None)
        if abs(quantity) > SMALLEST_QUANTITY:
            self.positions[order.symbol] = Position(quantity=quantity, price=order.price)
        self.cash -= order.signed_notional
        self.filled_to = key

    def state(self, origin: str, at: datetime, orders: tuple[str, ...] = ()) -> Positions:
        """Its message."""
        return Positions(
            origin=origin,
            at=at,
            portfolio=self.portfolio,
            cash=self.cash,
            positions=self.positions,
            equity=self.equity,
            filled_to=self.filled_to,
            orders=orders,
        )


async def open_account(pool: asyncpg.Pool, portfolio: str, cash: float) -> Account:
    """Give a new portfolio its cash; raises AccountExistsError for one that is open."""
    done = await pool.execute(
        """
        INSERT INTO portfolio.accounts (portfolio, opened_at, capital, cash)
        VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING
        """,
        portfolio,
        datetime.now(UTC),
        cash,
    )
    if done == "INSERT 0 0":
        raise AccountExistsError(f"{portfolio} is open already")
    return Account(portfolio, cash)


async def accounts(pool: asyncpg.Pool, portfolio: str | None = None) -> dict[str, Account]:
    """All accounts by name, or the one asked for."""
    found = {
        row["portfolio"]: Account(row["portfolio"], row["cash"], row["filled_to"])
        for row in await pool.fetch(
            "SELECT * FROM portfolio.accounts WHERE $1::text IS NULL OR portfolio = $1", portfolio
        )
    }
    for row in await pool.fetch(
        "SELECT * FROM portfolio.holdings WHERE $1::text IS NULL OR portfolio = $1", portfolio
    ):
        held = Position(quantity=row["quantity"], price=row["price"])
        found[row["portfolio"]].positions[row["symbol"]] = held
    return found


async def record_fill(pool: asyncpg.Pool, account: Account, allowed: AllowedOrder) -> None:
    """Store a fill with the account as it stands after it, all or nothing."""
    order, name = allowed.order, account.portfolio
    held = account.positions.get(order.symbol)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO portfolio.fills VALUES ($1, $2, $3, $4, $5, $6, $7)",
            allowed.id,
            name,
            allowed.strategy,
            order.symbol,
            allowed.at,
            order.signed_quantity,
            order.price,
        )
        await connection.execute(
            "UPDATE portfolio.accounts SET cash = $2, filled_to = $3 WHERE portfolio = $1",
            name,
            account.cash,
            account.filled_to,
        )
        if held is None:
            await connection.execute(
                "DELETE FROM portfolio.holdings WHERE portfolio = $1 AND symbol = $2",
                name,
                order.symbol,
            )
        else:
            await connection.execute(
                """
                INSERT INTO portfolio.holdings VALUES ($1, $2, $3, $4)
                ON CONFLICT (portfolio, symbol)
                DO UPDATE SET quantity = excluded.quantity, price = excluded.price
                """,
                name,
                order.symbol,
                held.quantity,
                held.price,
            )


async def is_filled(pool: asyncpg.Pool, order_id: str) -> bool:
    """Whether an order was filled before."""
    return bool(await pool.fetchval("SELECT true FROM portfolio.fills WHERE id = $1", order_id))
