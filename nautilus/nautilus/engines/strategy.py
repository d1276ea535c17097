"""Back-tests of strategies."""

from nautilus.frame.service import Service


class Strategy(Service):
    """Back-tests of strategies."""

    name = "strategy"
    counts = ("strategies_deployed", "tests_completed")
