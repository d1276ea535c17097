"""Ticks in, bars out, stored and published."""

from nautilus.frame.service import Service


class MarketData(Service):
    """Ticks in, bars out, stored and published."""

    name = "marketdata"
    counts = ("messages_processed", "data_points_stored")
