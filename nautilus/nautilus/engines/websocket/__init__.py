"""Streams from Redis to many clients."""
