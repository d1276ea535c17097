"""How alike series are."""

import numpy as np
import polars as pl

from nautilus.engines.factor.models import CorrelationMethod, CorrelationRequest, Correlations


def correlations(request: CorrelationRequest) -> Correlations:
    """The correlation of each series with each."""
    table = pl.DataFrame(request.series)
    if request.method is CorrelationMethod.SPEARMAN:
        table = table.select(pl.all().rank("average"))
    values = table.to_numpy()
    varies = (values != values[0]).any(axis=0)
    matrix = np.full((len(varies), len(varies)), np.nan)
    if varies.any():
        matrix[np.ix_(varies, varies)] = np.corrcoef(values[:, varies], rowvar=False)
    return Correlations(
        names=list(request.series),
        matrix=[[None if np.isnan(cell) else float(cell) for cell in row] for row in matrix],
    )
