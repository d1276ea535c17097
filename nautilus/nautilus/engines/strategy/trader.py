"""A rule as one of nautilus_trader's strategies."""

from collections.abc import Callable, Sequence

from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from nautilus.engines.strategy.decide import decision
from nautilus.engines.strategy.models import MAX_SIZE
from nautilus.engines.strategy.rules import Rule

PROGRESS_BARS = 1_000


class RuleTraderConfig(StrategyConfig, frozen=True):
    """What is traded, and how much of it; None for as much as the equity buys."""

    instrument_id: InstrumentId
    bar_type: BarType
    quantity: int | None = None


class RuleTrader(Strategy):
    """Holds what the rule says, by market orders."""

    def __init__(
        self,
        config: RuleTraderConfig,
        rule: Rule,
        told: Sequence[float | None] | None,
        progress: Callable[[int], object],
    ) -> None:
        super().__init__(config)
        self._decide = decision(rule)
        self._told = told
        self._progress = progress
        self._held = 0
        self.equity: list[float] = []
        """At each bar's close, before what is decided on it."""
        self.fills: list[OrderFilled] = []

    def on_start(self) -> None:
        """Ask for the bars."""
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Decide on a close, and order the difference to what is held."""
        close = bar.close.as_double()
        told = self._told[len(self.equity)] if self._told else None
        self.equity.append(self.worth(close))
        if len(self.equity) % PROGRESS_BARS == 0:
            self._progress(len(self.equity))
        wanted = self._decide(close, told, self._held)
        if wanted is None or wanted == self._held:
            return
        if self._held:
            self.close_all_positions(self.config.instrument_id)
        quantity = self._affordable(close) if wanted else 0
        if quantity:
            side = OrderSide.BUY if wanted > 0 else OrderSide.SELL
            self.submit_order(
                self.order_factory.market(
                    self.config.instrument_id, side, Quantity.from_int(quantity)
                )
            )
        self._held = wanted

    def on_order_filled(self, event: OrderFilled) -> None:
        """Keep what was traded."""
        self.fills.append(event)

    def worth(self, close: float) -> float:
        """Cash and position at a price."""
        account = self.portfolio.account(self.config.instrument_id.venue)
        price = Price(close, 8)
        positions = self.cache.positions_open(instrument_id=self.config.instrument_id)
        unrealized = sum(position.unrealized_pnl(price).as_double() for position in positions)
        return float(account.balance_total(USD).as_double() + unrealized)

    def _affordable(self, close: float) -> int:
        wanted = self.config.quantity or int(max(self.equity[-1], 0) / close)
        return min(wanted, MAX_SIZE)
