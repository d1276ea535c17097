"""The daemon and the loopback of a host, through the connection pyinfra already has."""
