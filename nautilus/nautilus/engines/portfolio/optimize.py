"""The weights that are best under constraints, as convex problems.

CVaR is Rockafellar and Uryasev's linear program; risk parity is Spinu's convex form, whose solution
scaled to 1 gives every instrument the same part of the variance.
"""

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from nautilus.engines.portfolio.models import Objective, OptimizeRequest

Array = NDArray[np.float64]


class NoPortfolioError(ValueError):
    """No weights meet the constraints, or the objective has no end."""


def optimal_weights(request: OptimizeRequest, history: Array) -> Array:
    """The best weights; raises NoPortfolioError where there are none."""
    if request.objective is Objective.RISK_PARITY:
        return _risk_parity(history)
    weights = cp.Variable(history.shape[1])
    mean = history.mean(axis=0)
    # As a norm of the history itself: the covariance is never squared, nor short of rank.
    spread = (history - mean) / np.sqrt(len(history) - 1)
    variance = cp.sum_squares(spread @ weights)
    match request.objective:
        case Objective.MEAN_VARIANCE:
            goal = request.risk_aversion / 2 * variance - mean @ weights
        case Objective.MINIMUM_VARIANCE:
            goal = variance
        case _:
            goal = _cvar(history @ weights, request.confidence)
    _solve(cp.Problem(cp.Minimize(goal), _constraints(request, weights, mean)))
    return np.asarray(weights.value)


def history_of(request: OptimizeRequest) -> Array:
    """The returns, a row a period."""
    return np.array(list(request.returns.values())).T


def _constraints(
    request: OptimizeRequest, weights: cp.Variable, mean: Array
) -> list[cp.Constraint]:
    limits = [cp.sum(weights) == 1, weights >= request.lower, weights <= request.upper]
    place = {symbol: i for i, symbol in enumerate(request.returns)}
    for group in request.groups:
        total = cp.sum(weights[[place[symbol] for symbol in dict.fromkeys(group.symbols)]])
        limits += [total >= group.lower, total <= group.upper]
    if request.minimum_return is not None:
        limits.append(mean @ weights >= request.minimum_return)
    return limits


def _cvar(outcomes: cp.Expression, confidence: float) -> cp.Expression:
    threshold = cp.Variable()
    beyond = cp.sum(cp.pos(-outcomes - threshold))
    return threshold + beyond / ((1 - confidence) * outcomes.shape[0])


def _risk_parity(history: Array) -> Array:
    # Divided by its scale, which the weights do not depend on, so that the solver sees ones.
    deviations = history.std(axis=0, ddof=1)
    if not deviations.all():
        raise NoPortfolioError("risk parity needs an instrument's returns to vary")
    spread = (history - history.mean(axis=0)) / deviations / np.sqrt(len(history) - 1)
    scaled = cp.Variable(history.shape[1])
    goal = cp.sum_squares(spread @ scaled) / 2 - cp.sum(cp.log(scaled)) / history.shape[1]
    _solve(cp.Problem(cp.Minimize(goal)))
    weights = np.asarray(scaled.value) / deviations
    return np.asarray(weights / weights.sum())


def _solve(problem: cp.Problem) -> None:
    try:
        problem.solve(solver=cp.CLARABEL)
    except cp.SolverError as error:
        raise NoPortfolioError(f"the solver gave up: {error}") from error
    if problem.status != cp.OPTIMAL:
        raise NoPortfolioError(f"no portfolio meets the constraints: {problem.status}")
