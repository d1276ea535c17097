"""Simulated Macs with real SSH and real Docker daemons, to try Drydock and to test it."""
