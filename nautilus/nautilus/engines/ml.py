"""Trained models and their inference."""

from nautilus.frame.service import Service


class MachineLearning(Service):
    """Trained models and their inference."""

    name = "ml"
    counts = ("predictions_made",)
