"""Say in plain sentences what pydantic found wrong."""

import types
from collections.abc import Mapping
from typing import Annotated, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from stack.origins import KeyPath, Origins, descend, suggest

Model = TypeVar("Model", bound=BaseModel)

PATTERN_WORDS = {
    r"^[a-z][a-z0-9_-]{0,40}$": "a name of lower-case letters, digits, '-' and '_', 41 at most",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "a volume's name as `docker volume ls` shows it",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "a name of letters, digits and '_'",
    r"^/[A-Za-z0-9._/-]*$": "an absolute path such as /var/lib/data",
    r"^[A-Za-z0-9._+@-]+(/[A-Za-z0-9._+@-]+)*$": "a relative path such as conf/app.conf",
    r"^https?://[!-~]+$": "an address such as https://packages.example/simple",
    r"^[a-z0-9][A-Za-z0-9._/:@-]*$": "an image such as redis:8.0",
    r"^[a-z0-9_][a-z0-9_-]*(:[a-z0-9_-]+)?$": "a user, or user:group, such as 1000:1000",
    r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$": "an IP address such as 127.0.0.1",
    r"^[A-Za-z0-9.:/_-]+$": "a registry such as registry.example:5000",
}
_WORDS = {
    "missing": "missing; add it",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "write one of {expected}",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "finite_number": "write a finite number",
    "string_type": "write text, in quotes",
    "bool_type": "write True or False",
    "bool_parsing": "write True or False",
    "int_from_float": "write a whole number",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "tuple_type": "write a list, such as ['a', 'b']",
    "dict_type": "write a dictionary, such as {{'name': 'value'}}",
    "model_type": "write a dictionary, such as {{'name': 'value'}}",
}


def validate(
    model: type[Model], data: object, root: KeyPath, origins: Origins, problems: list[str]
) -> Model | None:
    """Read data as a model; or add a sentence to problems for each thing that is wrong with it."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = (_sentence(detail, model, data, root, origins) for detail in error.errors())
        problems += dict.fromkeys(found)
        return None


def _sentence(
    detail: ErrorDetails, model: type[BaseModel], data: object, root: KeyPath, origins: Origins
) -> str:
    loc = detail["loc"]
    if loc and loc[-1] == "[key]":
        return f"{origins.place(*root, *loc[:-2])}: {loc[-2]!r}: {_words(detail)}"
    if detail["type"] == "missing":
        return f"{origins.place(*root, *loc)}: {_words(detail)}"
    # pydantic appends the names of a union's types to the location.
    path, value = descend(data, loc)
    where = origins.place(*root, *path)
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown field; {suggest(path[-1], _fields_at(model, path[:-1]))}"
    # A whole service or health check would bury the sentence, and a secret must not be shown.
    hidden = isinstance(value, Mapping) or _is_secret(model, path)
    said = "" if hidden else f" = {value!r}"
    if len(path) < len(loc):
        return f"{where}{said}: write text, a number, or True or False"
    # A ValueError repeats the value, for callers that show it alone.
    words = _words(detail).removeprefix(f"{value!r} ").removeprefix("is ")
    return f"{where}{said}: {words}"


def _is_secret(model: type[BaseModel], path: KeyPath) -> bool:
    field = model.model_fields.get(str(path[0])) if path else None
    return field is not None and _plain(field.annotation) is SecretStr


def _words(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return str(context["error"])
    if detail["type"] == "string_pattern_mismatch":
        pattern = context["pattern"]
        return f"write {PATTERN_WORDS.get(pattern, f'text that matches {pattern}')}"
    template = _WORDS.get(detail["type"])
    return template.format(**context) if template else detail["msg"].lower()


def _fields_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    kind: object = model
    for part in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = _plain(kind.model_fields[str(part)].annotation)
        else:
            kind = _plain(get_args(kind)[-1])
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def _plain(kind: object) -> object:
    """Strip `Annotated` and `| None` off a type."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return _plain(next(option for option in get_args(kind) if option is not type(None)))
    return kind
