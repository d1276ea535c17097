"""Ticks in, bars out, stored and published."""
