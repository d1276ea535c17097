"""Streams from Redis to many clients."""

from nautilus.frame.service import Service


class WebSocketHub(Service):
    """Streams from Redis to many clients."""

    name = "websocket"
    counts = ("messages_sent",)
