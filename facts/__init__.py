"""What is true on a host: pyinfra facts, read-only, one remote call each."""
