"""Kinds of values in a stack's data, and what each may hold."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic import StringConstraints as Text

from stack.quantities import cores_of, memory_bytes


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("no argument and no variable can hold a NUL character; drop it")
    return text


def _one_line(value: str | int | float | bool) -> str | int | float | bool:
    """Refuse text that would end the line of a Dockerfile or a configuration that it stands in."""
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("must be one line without control characters; put more into the template")
    return value


def _address(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(URL_PATTERN, secret.get_secret_value()):
        raise ValueError("write an address such as https://hooks.example/token")
    return secret


def _downwards(path: str) -> str:
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise ValueError("must not step up or stay with '..' or '.'; write the plain path")
    return path


class Data(BaseModel):
    """Frozen data that refuses unknown keys."""

    # A model that only others hold needs no schema of its own: half of the time to import this.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, defer_build=True)


def _checked_cpuset(text: str) -> str:
    """Check a cpuset, and keep it as it is written."""
    cores_of(text)
    return text.strip()


NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,40}$"
Name = Annotated[str, Text(pattern=NAME_PATTERN)]
EnvironmentName = Annotated[str, Text(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
AbsolutePath = Annotated[str, Text(pattern=r"^/[A-Za-z0-9._/-]*$"), AfterValidator(_downwards)]
RelativePath = Annotated[
    str, Text(pattern=r"^[A-Za-z0-9._+@-]+(/[A-Za-z0-9._+@-]+)*$"), AfterValidator(_downwards)
]
URL_PATTERN = r"^https?://[!-~]+$"
Url = Annotated[str, Text(pattern=URL_PATTERN)]
SecretUrl = Annotated[SecretStr, AfterValidator(_address)]
"""An address that lets in whoever knows it: it is never shown."""
Word = Annotated[str, AfterValidator(_without_nul)]
"""One argument of a command, or the value of a variable: any text that either can hold."""
Argument = Annotated[str | int | float | bool, AfterValidator(_one_line)]
Line = Annotated[str, AfterValidator(_one_line)]
ImageReference = Annotated[str, Text(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]*$")]
MemoryBytes = Annotated[int, BeforeValidator(memory_bytes)]
Cpuset = Annotated[str, AfterValidator(_checked_cpuset)]
VolumeName = Annotated[str, Text(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Cpus = Annotated[float, Field(ge=0.01, allow_inf_nan=False)]
