"""Pre-trade limits, value at risk and breaches."""

from nautilus.frame.service import Service


class Risk(Service):
    """Pre-trade limits, value at risk and breaches."""

    name = "risk"
    counts = ("risk_checks_processed", "breaches_detected")
