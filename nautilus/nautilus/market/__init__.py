"""Bars and their technical features: what more than one engine works on."""
