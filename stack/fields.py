"""Kinds of values in a stack's data, and what each may hold."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic import StringConstraints as Text

from stack.quantities import cores_of, memory_bytes


def _checked_cpuset(text: str) -> str:
    """Check a cpuset, and keep it as it is written."""
    cores_of(text)
    return text.strip()


Name = Annotated[str, Text(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
EnvironmentName = Annotated[str, Text(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
AbsolutePath = Annotated[str, Text(pattern=r"^/[A-Za-z0-9._/-]*$")]
ImageReference = Annotated[str, Text(pattern=r"^[a-z0-9][A-Za-z0-9._/:@-]*$")]
MemoryBytes = Annotated[int, BeforeValidator(memory_bytes)]
Cpuset = Annotated[str, AfterValidator(_checked_cpuset)]
Port = Annotated[int, Field(ge=1, le=65535)]
Cpus = Annotated[float, Field(ge=0.01, allow_inf_nan=False)]
