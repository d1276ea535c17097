"""Performance and attribution of a track record."""
