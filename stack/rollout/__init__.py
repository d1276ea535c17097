"""Rollouts: in which waves hosts are deployed to, and what became of each."""
