"""Engines' own calls, passed through as they are."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask
from starlette.datastructures import Headers

from nautilus.frame.router import Router

# Shorter than nginx's minute, so that the caller learns which engine it was. Longer work is a job.
TIMEOUT = httpx.Timeout(55.0, connect=2.0, pool=5.0)
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# Of one connection, not of the message: RFC 9110, section 7.6.1.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# For the backend alone; an engine must not learn a user's key.
OURS = frozenset({"host", "authorization", "cookie"})


class Proxy:
    """Passes a request to an engine, and its answer back, neither held in memory."""

    def __init__(self, engines: Mapping[str, str], client: httpx.AsyncClient) -> None:
        self._engines = engines
        self._client = client

    def routes(self) -> Router:
        """`/engines/{engine}/{path}` with any method."""
        router = Router(tags=["engines"])
        for method in METHODS:
            router.api_route(
                "/engines/{engine}/{path:path}",
                methods=[method],
                operation_id=f"{method.lower()}_engine",
                response_class=StreamingResponse,
                responses={
                    404: {"description": "no such engine"},
                    502: {"description": "the engine does not answer"},
                    504: {"description": "the engine took too long"},
                },
            )(self.call)
        return router

    async def call(self, engine: str, path: str, request: Request) -> StreamingResponse:  # noqa: ARG002 - it is a part of the address
        """An engine's own call: see its OpenAPI document at /api/engines/ENGINE/openapi.json."""
        address = self._engines.get(engine)
        if address is None:
            raise HTTPException(404, f"no engine {engine}: there are {', '.join(self._engines)}")
        answer = await self._ask(engine, self._passed_on(address, request))
        return StreamingResponse(
            answer.aiter_raw(),
            status_code=answer.status_code,
            headers=_answer_headers(answer.headers, engine),
            background=BackgroundTask(answer.aclose),
        )

    def _passed_on(self, address: str, request: Request) -> httpx.Request:
        # The path as it was sent: what was escaped must stay so.
        target = request.scope["raw_path"].split(b"/", 4)[4]
        query = request.scope["query_string"]
        raw_path = b"/" + target + (b"?" + query if query else b"")
        has_body = {"content-length", "transfer-encoding"} & set(request.headers)
        return self._client.build_request(
            request.method,
            httpx.URL(address).copy_with(raw_path=raw_path),
            headers=_request_headers(request.headers),
            content=request.stream() if has_body else None,
        )

    async def _ask(self, engine: str, request: httpx.Request) -> httpx.Response:
        try:
            return await self._client.send(request, stream=True)
        except httpx.ConnectTimeout as error:
            raise HTTPException(502, f"{engine} cannot be reached") from error
        except httpx.TimeoutException as error:
            detail = f"{engine} did not answer within {TIMEOUT.read} s; long work is for its jobs"
            raise HTTPException(504, detail) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            detail = f"{engine} does not answer: {error or type(error).__name__}"
            raise HTTPException(502, detail) from error


def _request_headers(headers: Headers) -> list[tuple[str, str]]:
    dropped = HOP_BY_HOP | OURS | _named(headers.get("connection", ""))
    kept = [(name, value) for name, value in headers.items() if name not in dropped]
    # Else the client would ask for what our own caller may not understand.
    return kept if "accept-encoding" in headers else [*kept, ("accept-encoding", "identity")]


def _answer_headers(headers: httpx.Headers, engine: str) -> dict[str, str]:
    dropped = HOP_BY_HOP | _named(headers.get("connection", "")) | {"server", "date"}
    kept = {name: value for name, value in headers.items() if name not in dropped}
    location = kept.get("location", "")
    if location.startswith("/") and not urlsplit(location).netloc:
        kept["location"] = f"/api/engines/{engine}{location}"
    return kept


def _named(connection: str) -> set[str]:
    return {name.strip().lower() for name in connection.split(",")}
