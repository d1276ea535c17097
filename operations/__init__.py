"""What changes a host: pyinfra operations, one capability a file."""
