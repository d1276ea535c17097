"""Technical features over many instruments at once."""
