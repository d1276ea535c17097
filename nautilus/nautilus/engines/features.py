"""Technical features over many instruments at once."""

from nautilus.frame.service import Service


class Features(Service):
    """Technical features over many instruments at once."""

    name = "features"
    counts = ("features_calculated", "feature_sets_processed")
