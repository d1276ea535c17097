"""A service as an ASGI application."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from nautilus import __version__
from nautilus.frame.health import Health, HealthCheck
from nautilus.frame.metrics import RequestTimer, exposition
from nautilus.frame.refusal import answer_invalid
from nautilus.frame.service import Service
from nautilus.frame.stores import NOT_PREPARED, STORE_AWAY, StoreNotConfiguredError

log = logging.getLogger(__name__)


def create_app(service: Service) -> FastAPI:
    """The service's own routes beside /health and /metrics."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPI(
        title=f"Nautilus {service.name}",
        version=__version__,
        lifespan=lifespan,
        # Swagger's page loads its script from a public host; the document itself stays.
        docs_url=None,
        redoc_url=None,
    )
    check = HealthCheck(service)

    @app.get("/health", tags=["frame"], responses={503: {"model": Health}})
    async def health(response: Response) -> Health:
        """This service's state; 503 when something that it needs is away or died."""
        report = await check.report()
        response.status_code = 200 if report.status == "healthy" else 503
        return report

    @app.get("/metrics", tags=["frame"], response_class=Response)
    async def metrics() -> Response:
        """All workers' metrics in Prometheus' text format."""
        return exposition(service)

    app.include_router(service.routes())
    app.add_middleware(RequestTimer)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    for error in (*STORE_AWAY, *NOT_PREPARED, StoreNotConfiguredError):
        app.add_exception_handler(error, _store_away)
    return app


async def _store_away(request: Request, error: Exception) -> Response:
    log.warning("%s %s: %s", request.method, request.url.path, error)
    state = "not ready" if isinstance(error, NOT_PREPARED) else "away"
    detail = f"a store is {state}: {error or type(error).__name__}"
    return JSONResponse({"detail": detail}, status_code=503, headers={"Retry-After": "1"})
