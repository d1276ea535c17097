"""One back-test on nautilus_trader's engine; a process runs one at a time.

An order is filled at the close of the bar that it was decided on. The instrument trades in whole
units on a margin account with a leverage of 1, netted; amounts of money are in cents.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler

from nautilus.engines.strategy.models import (
    EPOCH,
    MAX_SIZE,
    Columns,
    EquityPoint,
    Fill,
    Outcome,
    Terms,
    told,
)
from nautilus.engines.strategy.rules import Rule
from nautilus.engines.strategy.trader import RuleTrader, RuleTraderConfig
from nautilus.market.bars import LENGTHS, Interval
from nautilus.market.orders import Side

VENUE = Venue("BACKTEST")
# There is one in a test, and not every name of ours is one there.
SYMBOL = Symbol("TESTED")
PRICE_DECIMALS = 8
# An order beyond a quarter of a bar's volume would move the price: every order is small here.
VOLUME = 4.0 * MAX_SIZE
SPECIFICATIONS = {
    Interval.S1: "1-SECOND",
    Interval.S5: "5-SECOND",
    Interval.M1: "1-MINUTE",
    Interval.M5: "5-MINUTE",
    Interval.M15: "15-MINUTE",
    Interval.H1: "1-HOUR",
    Interval.D1: "1-DAY",
}


def backtest(rule: Rule, bars: Columns, terms: Terms, progress: Callable[[int], object]) -> Outcome:
    """Trade the bars by the rule; tells after some of them how many are done."""
    instrument = _instrument(terms)
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True),
            # Limits are the risk engine's; this is about the rule alone.
            risk_engine=RiskEngineConfig(bypass=True),
        )
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=USD,
        starting_balances=[Money(terms.cash, USD)],
    )
    engine.add_instrument(instrument)
    bar_type = BarType.from_str(f"{instrument.id}-{SPECIFICATIONS[bars.interval]}-LAST-EXTERNAL")
    wrangler = BarDataWrangler(bar_type, instrument)
    engine.add_data(wrangler.process(_frame(bars), default_volume=VOLUME))
    trader = RuleTrader(
        RuleTraderConfig(instrument_id=instrument.id, bar_type=bar_type, quantity=terms.quantity),
        rule,
        told(bars, rule),
        progress,
    )
    engine.add_strategy(trader)
    engine.run()
    outcome = _outcome(rule, bars, terms, trader, engine)
    engine.dispose()
    return outcome


def _instrument(terms: Terms) -> Equity:
    return Equity(
        instrument_id=InstrumentId(SYMBOL, VENUE),
        raw_symbol=SYMBOL,
        currency=USD,
        price_precision=PRICE_DECIMALS,
        price_increment=Price(10**-PRICE_DECIMALS, PRICE_DECIMALS),
        lot_size=Quantity.from_int(1),
        maker_fee=Decimal(str(terms.fee_rate)),
        taker_fee=Decimal(str(terms.fee_rate)),
        ts_event=0,
        ts_init=0,
    )


def _frame(bars: Columns) -> pd.DataFrame:
    # nautilus_trader dates a bar by its end.
    begins = np.array(bars.begins_us).astype("datetime64[us]").astype("datetime64[ns]")
    index = pd.DatetimeIndex(begins, tz="UTC") + LENGTHS[bars.interval]
    columns = {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close}
    return pd.DataFrame(columns, index=index)


def _outcome(
    rule: Rule, bars: Columns, terms: Terms, trader: RuleTrader, engine: BacktestEngine
) -> Outcome:
    curve = np.array([*trader.equity, trader.worth(bars.close[-1])])
    peaks = np.maximum.accumulate(np.maximum(curve, terms.cash))
    count, end = len(bars.close), EPOCH + LENGTHS[bars.interval]
    chosen = np.unique(np.linspace(0, count - 1, min(terms.points, count)).round())
    result = engine.get_result()
    pnl = result.stats_pnls.get("USD", {})
    return Outcome(
        rule=rule,
        bars=count,
        fills=[_fill(event) for event in trader.fills],
        curve=[
            EquityPoint(at=end + timedelta(microseconds=bars.begins_us[i]), equity=float(curve[i]))
            for i in chosen.astype(int)
        ],
        final_equity=float(curve[-1]),
        total_return=float(curve[-1] / terms.cash - 1),
        max_drawdown=float((1 - curve / peaks).max()),
        statistics={
            name: float(value) if isfinite(value) else None
            for name, value in (*pnl.items(), *result.stats_returns.items())
        },
    )


def _fill(event: OrderFilled) -> Fill:
    return Fill(
        at=datetime.fromtimestamp(event.ts_event / 1e9, UTC),
        side=Side.BUY if event.order_side is OrderSide.BUY else Side.SELL,
        quantity=event.last_qty.as_double(),
        price=event.last_px.as_double(),
        fee=event.commission.as_double(),
    )
