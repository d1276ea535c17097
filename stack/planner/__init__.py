"""Which cores and how much memory each service gets, and why."""
