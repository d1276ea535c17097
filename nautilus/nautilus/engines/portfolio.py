"""Optimized portfolios and their possible outcomes."""

from nautilus.frame.service import Service


class Portfolio(Service):
    """Optimized portfolios and their possible outcomes."""

    name = "portfolio"
    counts = ("optimizations_completed", "rebalances_executed")
