"""A request that is well formed and yet cannot be done."""

from fastapi.exceptions import RequestValidationError


def unfit(field: str, why: Exception | str) -> RequestValidationError:
    """What to raise for a request's field: the answer is a 422 that names it, as for bad input."""
    return RequestValidationError(
        [{"type": "value_error", "loc": ("body", field), "msg": str(why), "input": None}]
    )
