"""The size of the VM that Docker runs in on a Mac."""
