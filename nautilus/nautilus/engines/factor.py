"""Cross-sectional factors, exposures and risk models over a universe."""

from nautilus.frame.service import Service


class Factor(Service):
    """Cross-sectional factors, exposures and risk models over a universe."""

    name = "factor"
    counts = ("factors_calculated",)
