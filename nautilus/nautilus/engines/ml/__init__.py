"""Trained models and their inference."""
