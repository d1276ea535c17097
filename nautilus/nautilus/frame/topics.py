"""The Redis streams that the services speak over."""

TOPIC_PREFIX = "nautilus:topic:"

BARS = f"{TOPIC_PREFIX}bars"
BREACHES = f"{TOPIC_PREFIX}breaches"
BROADCAST = f"{TOPIC_PREFIX}broadcast"
FACTORS = f"{TOPIC_PREFIX}factors"
FEATURES = f"{TOPIC_PREFIX}features"
ORDERS = f"{TOPIC_PREFIX}orders"
PERFORMANCE = f"{TOPIC_PREFIX}performance"
POSITIONS = f"{TOPIC_PREFIX}positions"
PREDICTIONS = f"{TOPIC_PREFIX}predictions"
SIGNALS = f"{TOPIC_PREFIX}signals"
TICKS = f"{TOPIC_PREFIX}ticks"

TOPICS = {
    name.removeprefix(TOPIC_PREFIX): name
    for name in (
        BARS,
        BREACHES,
        BROADCAST,
        FACTORS,
        FEATURES,
        ORDERS,
        PERFORMANCE,
        POSITIONS,
        PREDICTIONS,
        SIGNALS,
        TICKS,
    )
}
"""What clients may listen to: each topic's stream by its name."""

TICK_INTAKE = "nautilus:intake:ticks"
"""Ticks for the marketdata engine to store, from any feed."""

KEPT_ENTRIES = 10_000
"""Entries that a topic keeps at least, for clients that come back after a gap."""
