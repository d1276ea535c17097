"""The nine processing engines, one module or package each."""
