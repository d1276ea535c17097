"""The virtual machine that a Mac's Docker runs in: its size, and how each runtime changes it."""
