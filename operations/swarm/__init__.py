"""One stack over several Macs, on Docker Swarm."""
