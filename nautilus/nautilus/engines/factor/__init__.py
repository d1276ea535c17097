"""Cross-sectional factors, exposures and risk models over a universe."""
