"""A statistical risk model: principal components are the factors, the rest is specific.

Connor and Korajczyk's asymptotic principal components, with a diagonal specific risk.
"""

import numpy as np
from numpy.typing import NDArray

from nautilus.engines.factor.models import PortfolioRisk, RiskModel, RiskModelRequest

Array = NDArray[np.float64]


class NoVarianceError(ValueError):
    """No return ever varies, so there is no risk to model."""


def risk_model(request: RiskModelRequest) -> RiskModel:
    """The loadings, the factors' covariance and the specific variances; raises NoVarianceError."""
    returns = np.array(list(request.returns.values())).T
    if not (returns != returns[0]).any():
        raise NoVarianceError("returns: none of them varies")
    spread = returns - returns.mean(axis=0)
    _, singular, directions = np.linalg.svd(spread, full_matrices=False)
    variances = singular**2 / (len(returns) - 1)
    shares = variances / variances.sum()
    count = request.components or int(np.searchsorted(shares.cumsum(), request.explained)) + 1
    count = min(count, len(shares))
    loadings = _signed(directions[:count].T)
    specific = spread.var(axis=0, ddof=1) - (loadings**2) @ variances[:count]
    specific = np.maximum(specific, 0.0)
    return RiskModel(
        components=count,
        explained=shares[:count].tolist(),
        loadings=dict(zip(request.returns, loadings.tolist(), strict=True)),
        factor_covariance=np.diag(variances[:count]).tolist(),
        specific_variance=dict(zip(request.returns, specific.tolist(), strict=True)),
        portfolio=_portfolio(request, loadings, variances[:count], specific),
    )


def _signed(loadings: Array) -> Array:
    # A component's sign is free: the largest loading is positive, so that answers are the same.
    largest = np.abs(loadings).argmax(axis=0)
    signs: Array = np.sign(loadings[largest, np.arange(loadings.shape[1])])
    return loadings * signs


def _portfolio(
    request: RiskModelRequest, loadings: Array, variances: Array, specific: Array
) -> PortfolioRisk | None:
    if request.weights is None:
        return None
    weights = np.array([request.weights.get(symbol, 0.0) for symbol in request.returns])
    factor = float((loadings.T @ weights) ** 2 @ variances)
    own = float(weights**2 @ specific)
    return PortfolioRisk(variance=factor + own, factor_variance=factor, specific_variance=own)
