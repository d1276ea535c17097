"""A request that is refused for one of its fields: the answer is a 422 whose `loc` names it."""

from typing import Any

from fastapi import Request, Response
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from pydantic_core import PydanticCustomError

_MISFIT = "misfit"


def unfit(field: str, why: Exception | str) -> RequestValidationError:
    """What to raise for a field of a well-formed request that cannot be done."""
    return RequestValidationError(
        [{"type": "value_error", "loc": ("body", field), "msg": str(why), "input": None}]
    )


def misfit(field: str, why: str) -> PydanticCustomError:
    """What a model's validator raises for a field that does not go with the others.

    pydantic itself would name the model alone.
    """
    return PydanticCustomError(_MISFIT, "{why}", {"field": field, "why": why})


async def answer_invalid(request: Request, error: Exception) -> Response:
    """FastAPI's own answer to what is invalid, with the field of a misfit in its place."""
    if not isinstance(error, RequestValidationError):
        raise error
    named = RequestValidationError([_with_field(each) for each in error.errors()])
    return await request_validation_exception_handler(request, named)


def _with_field(error: dict[str, Any]) -> dict[str, Any]:
    if error["type"] != _MISFIT:
        return error
    kept = {name: value for name, value in error.items() if name != "ctx"}
    return kept | {"type": "value_error", "loc": (*error["loc"], error["ctx"]["field"])}
