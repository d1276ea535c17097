"""Pre-trade limits, value at risk and breaches."""
