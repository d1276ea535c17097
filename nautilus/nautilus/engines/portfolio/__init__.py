"""Optimized portfolios and their possible outcomes."""
