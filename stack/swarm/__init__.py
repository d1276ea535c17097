"""One stack over several daemons, on Docker Swarm: where services belong, and what they are."""
