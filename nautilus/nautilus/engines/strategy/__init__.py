"""Back-tests of strategies, and their signals."""
