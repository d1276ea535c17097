"""/metrics: requests and the service's own counts, over all its workers."""

import os
import time
from collections.abc import Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import CounterMetricFamily, Metric
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nautilus.frame.shared import Shared

REQUEST_SECONDS = Histogram(
    "nautilus_request_seconds",
    "Time from a request to the start of its answer",
    ["method", "route", "status"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


class RequestTimer:
    """ASGI middleware: one observation a request, under its route's template and not its path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request and observe how long it took."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "unknown")
                REQUEST_SECONDS.labels(scope["method"], route, str(message["status"])).observe(
                    time.perf_counter() - started
                )
            await send(message)

        await self._app(scope, receive, observe)


class _Counts:
    """What the service counts, as Prometheus' counters."""

    def __init__(self, service: str, shared: Shared) -> None:
        self._service = service
        self._shared = shared

    def collect(self) -> Iterator[Metric]:
        for name, total in self._shared.totals().items():
            family = CounterMetricFamily(
                f"nautilus_{name}", name.replace("_", " "), labels=["service"]
            )
            family.add_metric([self._service], total)
            yield family


def exposition(service: str, shared: Shared) -> Response:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_Counts(service, shared))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
