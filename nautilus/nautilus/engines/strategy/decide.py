"""What the rules decide, on nautilus_trader's indicators: alike in a back-test and in the flow."""

from collections.abc import Callable

from nautilus_trader.indicators.average.ema import ExponentialMovingAverage
from nautilus_trader.indicators.average.moving_average import MovingAverageType
from nautilus_trader.indicators.bollinger_bands import BollingerBands
from nautilus_trader.indicators.rsi import RelativeStrengthIndex

from nautilus.engines.strategy.rules import (
    BollingerReversion,
    EmaCross,
    Follow,
    FollowFactor,
    FollowModel,
    RsiReversion,
    Rule,
)

Decide = Callable[[float, float | None, int], int | None]
"""Takes the next close, what a rule that follows is told of it and what is held (1, 0 or -1).

Returns what to hold from then on, None until it has seen enough.
"""


def decision(rule: Rule) -> Decide:
    """A rule's decision, that has seen nothing yet."""
    match rule:
        case EmaCross():
            return _ema_cross(rule)
        case RsiReversion():
            return _rsi_reversion(rule)
        case BollingerReversion():
            return _bollinger_reversion(rule)
        case FollowModel() | FollowFactor():
            return _follow(rule)
        case _:
            return lambda _close, _told, _held: 1


def _ema_cross(rule: EmaCross) -> Decide:
    fast, slow = ExponentialMovingAverage(rule.fast), ExponentialMovingAverage(rule.slow)

    def decide(close: float, _: float | None, __: int) -> int | None:
        fast.update_raw(close)
        slow.update_raw(close)
        if not slow.initialized:
            return None
        return 1 if fast.value >= slow.value else -int(rule.short)

    return decide


def _rsi_reversion(rule: RsiReversion) -> Decide:
    strength = RelativeStrengthIndex(rule.period, MovingAverageType.WILDER)

    def decide(close: float, _: float | None, held: int) -> int | None:
        strength.update_raw(close)
        if not strength.initialized:
            return None
        # nautilus_trader's is from 0 to 1.
        return _revert(100 * strength.value - 50, 50 - rule.oversold, held, short=rule.short)

    return decide


def _bollinger_reversion(rule: BollingerReversion) -> Decide:
    bands = BollingerBands(rule.period, rule.deviations)

    def decide(close: float, _: float | None, held: int) -> int | None:
        bands.update_raw(close, close, close)
        if not bands.initialized:
            return None
        return _revert(close - bands.middle, bands.upper - bands.middle, held, short=rule.short)

    return decide


def _revert(moved: float, edge: float, held: int, *, short: bool) -> int:
    """Go against a move from the middle that is beyond the edge, until it is back there."""
    if moved < -edge:
        return 1
    if short and moved > edge:
        return -1
    return held if held * moved < 0 else 0


def _follow(rule: Follow) -> Decide:
    def decide(_: float, told: float | None, held: int) -> int | None:
        if told is None or abs(told) <= rule.threshold:
            return held
        return 1 if told > 0 else -int(rule.short)

    return decide
