"""Routes that read a request's JSON fast: a batch of bars or ticks has 100,000 numbers."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from typing_extensions import override


class _JsonRequest(Request):
    @override
    async def json(self) -> Any:
        """What the body says; json.JSONDecodeError, which FastAPI answers with 422, if nothing."""
        if not hasattr(self, "_json"):
            self._json = orjson.loads(await self.body())
        return self._json


class _Route(APIRoute):
    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return answer


class Router(APIRouter):
    """FastAPI's, but that bodies are read by orjson instead of Python's own json.

    It takes a sixth of the time, and refuses what JSON doesn't know: NaN and Infinity.
    """

    def __init__(self, *, prefix: str = "", tags: list[str] | None = None) -> None:
        super().__init__(prefix=prefix, tags=[*tags] if tags else None, route_class=_Route)
