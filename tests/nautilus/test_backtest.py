"""Back-tests against nautilus_trader's own run, TA-Lib, and sums by hand."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib
from nautilus.engines.strategy.backtest import SYMBOL, VENUE, backtest
from nautilus.engines.strategy.decide import decision
from nautilus.engines.strategy.models import BacktestRequest, Bars, Outcome
from nautilus.engines.strategy.processes import ProcessDiedError, Processes
from nautilus.engines.strategy.rules import Rule, bars_needed
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.examples.strategies.ema_cross import EMACross, EMACrossConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from pydantic import TypeAdapter, ValidationError

from tests.nautilus.processes import backtesting
from tests.nautilus.servers import eventually
from tests.nautilus.trading import walk

QUANTITY = 100


def request(*rules: dict[str, Any], **settings: Any) -> BacktestRequest:
    return BacktestRequest.model_validate({"rules": rules, "bars": walk(400), **settings})


def run(body: BacktestRequest) -> Outcome:
    assert isinstance(body.bars, Bars)
    return backtest(body.rules[0], body.bars.columns(), body, lambda _: None)


def own_run(body: BacktestRequest, fast: int, slow: int) -> tuple[list[Any], float]:
    """The library's own example on the library's engine, and nothing of ours between them."""
    assert isinstance(body.bars, Bars)
    identity = InstrumentId(SYMBOL, VENUE)
    instrument = Equity(
        identity, SYMBOL, USD, 4, Price(1e-4, 4), Quantity.from_int(1), 0, 0,
        taker_fee=Decimal("0.001"),
    )  # fmt: skip
    kind = BarType.from_str(f"{identity}-1-MINUTE-LAST-EXTERNAL")
    columns = zip(
        body.bars.at, body.bars.open, body.bars.high, body.bars.low, body.bars.close, strict=True
    )
    bars = [
        Bar(kind, *(Price(p, 4) for p in prices), Quantity.from_int(10**6), end, end)
        for at, *prices in columns
        for end in [int(at.timestamp() + 60) * 10**9]
    ]
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    money = [Money(100_000, USD)]
    engine.add_venue(
        VENUE, OmsType.NETTING, AccountType.MARGIN, base_currency=USD, starting_balances=money
    )
    engine.add_instrument(instrument)
    engine.add_data(bars)
    settings = EMACrossConfig(
        instrument_id=identity,
        bar_type=kind,
        trade_size=Decimal(QUANTITY),
        fast_ema_period=fast,
        slow_ema_period=slow,
        request_bars=False,
        subscribe_trade_ticks=False,
        close_positions_on_stop=False,
    )
    engine.add_strategy(EMACross(settings))
    engine.run()
    report = engine.trader.generate_fills_report().sort_values("ts_event", kind="stable")
    fills = [
        (int(row.ts_event.timestamp()), row.order_side.lower(), float(row.last_qty),
         float(row.last_px))
        for row in report.itertuples()
    ]  # fmt: skip
    cash = engine.portfolio.account(VENUE).balance_total(USD).as_double()
    worth = cash + sum(
        position.unrealized_pnl(bars[-1].close).as_double()
        for position in engine.cache.positions_open()
    )
    engine.dispose()
    return fills, worth


def test_parallel_results_are_those_of_the_librarys_own_single_runs() -> None:
    periods = [(3, 8), (5, 12), (8, 21), (10, 40)]
    rules = [{"kind": "ema_cross", "fast": f, "slow": s, "short": True} for f, s in periods]
    body = request(*rules, quantity=QUANTITY, fee_rate=0.001)
    processes = Processes()
    with ThreadPoolExecutor(4) as threads:
        columns = body.bars.columns()
        outcomes = list(
            threads.map(lambda rule: processes.run(rule, columns, body, bool), body.rules)
        )
    processes.stop()
    eventually(lambda: backtesting(os.getpid()) == [])
    for (fast, slow), outcome in zip(periods, outcomes, strict=True):
        fills, worth = own_run(body, fast, slow)
        ours = [(int(f.at.timestamp()), f.side, f.quantity, f.price) for f in outcome.fills]
        assert len(fills) > 5
        assert ours == fills
        assert outcome.final_equity == pytest.approx(worth, abs=1e-9)


def test_buy_and_hold_is_what_it_is_by_hand() -> None:
    body = request({"kind": "buy_and_hold"}, cash=10_000, fee_rate=0.002, points=400)
    outcome = run(body)
    assert isinstance(body.bars, Bars)
    close = np.array(body.bars.close)
    quantity = 10_000 // close[0]
    fee = round(quantity * close[0] * 0.002, 2)
    by_hand = 10_000 + quantity * (close - close[0]) - fee
    by_hand[0] = 10_000
    assert [point.equity for point in outcome.curve] == pytest.approx(by_hand, abs=0.01)
    assert [(f.quantity, f.price, f.fee) for f in outcome.fills] == [(quantity, close[0], fee)]
    assert outcome.total_return == pytest.approx(by_hand[-1] / 10_000 - 1, abs=1e-6)
    peaks = np.maximum.accumulate(by_hand)
    assert outcome.max_drawdown == pytest.approx((1 - by_hand / peaks).max(), abs=1e-5)


def decided(rule: dict[str, Any], closes: list[float], expected: Any = None) -> list[int | None]:
    decide = decision(TypeAdapter(Rule).validate_python(rule))
    held, found = 0, []
    for i, close in enumerate(closes):
        wanted = decide(close, expected[i] if expected else None, held)
        held = held if wanted is None else wanted
        found.append(wanted)
    return found


def reverted(moved: np.ndarray, edge: float) -> list[int | None]:
    held, found = 0, []
    for value in moved:
        if np.isnan(value):
            found.append(None)
            continue
        if abs(value) > edge:
            held = -int(np.sign(value))
        elif held * value >= 0:
            held = 0
        found.append(held)
    return found


CLOSES = walk(600, seed=4)["close"]


def test_the_relative_strength_rule_follows_ta_libs() -> None:
    rule = {"kind": "rsi_reversion", "period": 5, "oversold": 25, "short": True}
    reference = reverted(talib.RSI(np.array(CLOSES), 5) - 50, 25.0)
    # Wilder's mean begins otherwise there, and forgets it.
    settled = bars_needed(TypeAdapter(Rule).validate_python(rule))
    assert decided(rule, CLOSES)[settled:] == reference[settled:]
    assert {-1, 0, 1} <= set(reference)


def test_the_bands_rule_follows_ta_libs() -> None:
    rule = {"kind": "bollinger_reversion", "period": 10, "deviations": 1.5, "short": True}
    upper, middle, _ = talib.BBANDS(np.array(CLOSES), 10, 1.5, 1.5)
    reference = reverted((np.array(CLOSES) - middle) / (upper - middle), 1.0)
    assert decided(rule, CLOSES) == reference
    assert {None, -1, 0, 1} == set(reference)


def test_a_model_is_followed_beyond_the_threshold() -> None:
    expected = [None, 0.002, 0.0005, -0.0005, -0.002, 0.002, None]
    rule = {"kind": "follow_model", "model": "m", "threshold": 0.001}
    assert decided(rule, [100.0] * 7, expected) == [0, 1, 1, 1, 0, 1, 1]
    assert decided({**rule, "short": True}, [100.0] * 7, expected) == [0, 1, 1, 1, -1, 1, 1]
    bars = walk(7, expected_returns=expected)
    outcome = run(BacktestRequest.model_validate({"rules": [rule], "bars": bars}))
    assert [(f.side, f.price) for f in outcome.fills] == [
        ("buy", bars["close"][1]), ("sell", bars["close"][4]), ("buy", bars["close"][5]),
    ]  # fmt: skip


def test_a_factor_is_followed_beyond_the_threshold() -> None:
    exposures = {
        "momentum": [None, 2.0, 0.5, -0.5, -2.0, 2.0, None],
        "volatility": [-2.0, None, 2.0, 0.0, 0.0, -2.0, None],
    }
    rules = [
        {"kind": "follow_factor", "factor": factor, "short": True}
        for factor in ("momentum", "volatility")
    ]
    assert decided(rules[0], [100.0] * 7, exposures["momentum"]) == [0, 1, 1, 1, -1, 1, 1]
    # Each rule is told of its own factor.
    bars = walk(7, exposures=exposures)
    body = BacktestRequest.model_validate({"rules": rules, "bars": bars, "quantity": 10})
    assert isinstance(body.bars, Bars)
    traded = [
        [(f.side, f.price) for f in backtest(rule, body.bars.columns(), body, lambda _: None).fills]
        for rule in body.rules
    ]
    at = bars["close"]
    assert traded[0] == [
        ("buy", at[1]), ("sell", at[4]), ("sell", at[4]), ("buy", at[5]), ("buy", at[5]),
    ]  # fmt: skip
    assert traded[1] == [
        ("sell", at[0]), ("buy", at[2]), ("buy", at[2]), ("sell", at[5]), ("sell", at[5]),
    ]  # fmt: skip


def test_the_curve_is_thinned_but_its_figures_are_not() -> None:
    whole = run(request({"kind": "ema_cross"}, points=400))
    thin = run(request({"kind": "ema_cross"}, points=3))
    assert [len(whole.curve), len(thin.curve)] == [400, 3]
    assert [thin.curve[0], thin.curve[-1]] == [whole.curve[0], whole.curve[-1]]
    assert thin.max_drawdown == whole.max_drawdown


def test_a_killed_process_is_told_apart_from_a_result() -> None:
    processes = Processes()
    body = BacktestRequest.model_validate({"rules": [{"kind": "ema_cross"}], "bars": walk(50_000)})
    with ThreadPoolExecutor() as threads:
        done: list[int] = []

        def passed(count: int) -> bool:
            done.append(count)
            return True

        running = threads.submit(processes.run, body.rules[0], body.bars.columns(), body, passed)
        eventually(lambda: bool(done), within_s=60)
        (process,) = backtesting(os.getpid())
        os.kill(process, signal.SIGKILL)
        with pytest.raises(ProcessDiedError):
            running.result(timeout=10)
        stopped = threads.submit(processes.run, body.rules[0], body.bars.columns(), body, passed)
        eventually(lambda: len(backtesting(os.getpid())) == 1, within_s=60)
        processes.stop()
        with pytest.raises(ProcessDiedError):
            stopped.result(timeout=10)


def test_a_process_tests_again_until_it_has_been_idle() -> None:
    body = request({"kind": "ema_cross"})
    assert isinstance(body.bars, Bars)
    processes = Processes(idle_s=1)

    def test() -> list[int]:
        processes.run(body.rules[0], body.bars.columns(), body, bool)
        return backtesting(os.getpid())

    (process,) = test()
    assert test() == [process]
    eventually(lambda: backtesting(os.getpid()) == [])
    (another,) = test()
    assert another != process
    # One that died meanwhile is not asked.
    os.kill(another, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{another}").exists())
    assert len(test()) == 1
    processes.stop()
    eventually(lambda: backtesting(os.getpid()) == [])


def test_a_process_that_has_tested_often_is_replaced() -> None:
    body = request({"kind": "ema_cross"})
    assert isinstance(body.bars, Bars)
    processes = Processes(most_tests=2)
    for _ in range(2):
        processes.run(body.rules[0], body.bars.columns(), body, bool)
        assert len(backtesting(os.getpid())) == 1
        processes.run(body.rules[0], body.bars.columns(), body, bool)
        eventually(lambda: backtesting(os.getpid()) == [])


def test_a_test_that_nobody_waits_for_is_ended() -> None:
    body = BacktestRequest.model_validate({"rules": [{"kind": "ema_cross"}], "bars": walk(50_000)})
    with pytest.raises(ProcessDiedError):
        Processes().run(body.rules[0], body.bars.columns(), body, lambda _: False)
    assert backtesting(os.getpid()) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"bars": None}, "bars"),
        ({"bars": {"symbol": "ACME"}}, "interval"),
        ({"rules": []}, "rules"),
        ({"rules": [{"kind": "oracle"}]}, "oracle"),
        ({"rules": [{"kind": "ema_cross", "fast": 20, "slow": 10}]}, "fast must be shorter"),
        ({"rules": [{"kind": "follow_model", "model": "m"}]}, "expected_returns"),
        (
            {
                "rules": [{"kind": "follow_factor", "factor": "reversal"}],
                "bars": walk(5, exposures={"momentum": [1.0] * 5}),
            },
            "follow_factor needs bars with exposures to reversal",
        ),
        ({"bars": walk(5, exposures={"momentum": [1.0] * 4})}, "the same length"),
        ({"bars": walk(5, exposures={"size": [1.0] * 5})}, "momentum"),
        ({"bars": {**walk(5), "close": [1.0] * 4}}, "the same length"),
        ({"bars": {**walk(5), "at": walk(5)["at"][::-1]}}, "follow each other"),
        ({"bars": {**walk(5), "high": [1.0] * 5}}, "between low and high"),
        ({"bars": {**walk(5), "close": [1e300] * 5}}, "less than or equal"),
    ],
)
def test_bad_input_says_what_is_wrong(changed: Any, said: str) -> None:
    body = {"rules": [{"kind": "buy_and_hold"}], "bars": walk(5), **changed}
    with pytest.raises(ValidationError, match=said):
        BacktestRequest.model_validate(body)
