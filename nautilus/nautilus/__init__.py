"""Nautilus: nine processing engines and a backend, each one service of a stack."""

__version__ = "0.1.0"
