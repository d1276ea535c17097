"""The Redis streams that the services speak over."""

TOPIC_PREFIX = "nautilus:topic:"

BARS = f"{TOPIC_PREFIX}bars"
BREACHES = f"{TOPIC_PREFIX}breaches"
TICKS = f"{TOPIC_PREFIX}ticks"

TICK_INTAKE = "nautilus:intake:ticks"
"""Ticks for the marketdata engine to store, from any feed."""

KEPT_ENTRIES = 10_000
"""Entries that a topic keeps at least, for clients that come back after a gap."""
