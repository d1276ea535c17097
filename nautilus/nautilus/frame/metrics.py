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
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nautilus.frame.service import Service

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
    """What the service counts, as Prometheus' counters and gauges."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        service = self._service
        kinds = ((CounterMetricFamily, service.counts), (GaugeMetricFamily, service.gauges))
        for kind, names in kinds:
            for name, total in service.shared.totals(names).items():
                family = kind(f"nautilus_{name}", name.replace("_", " "), labels=["service"])
                family.add_metric([service.name], total)
                yield family


def exposition(service: Service) -> Response:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_Counts(service))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
