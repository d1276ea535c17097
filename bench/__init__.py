"""Measurements of Drydock, side by side with its peers where it has any."""
