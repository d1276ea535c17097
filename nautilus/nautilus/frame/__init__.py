"""What every service shares: settings, stores, health, metrics, threads, serving."""
