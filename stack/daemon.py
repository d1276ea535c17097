"""Read a daemon from what it says of itself."""

from collections.abc import Mapping
from typing import Any

from stack.errors import DrydockError
from stack.model import Daemon


def daemon_of(info: Mapping[str, Any]) -> Daemon:
    """Take CPUs, memory and architecture from `docker info`; DrydockError names a wrong key."""
    if errors := info.get("ServerErrors"):
        raise DrydockError(f"docker info: no answer from the daemon: {errors[0]}; start it")
    return Daemon(
        cpus=_positive(info, "NCPU"),
        memory_bytes=_positive(info, "MemTotal"),
        architecture=str(info.get("Architecture") or "unknown"),
    )


def _positive(info: Mapping[str, Any], key: str) -> int:
    value = info.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        state = f"is {value!r}" if key in info else "is missing"
        raise DrydockError(
            f"docker info: {key} {state}, expected a number above zero; "
            "run `docker info --format '{{json .}}'` and see whether the daemon answers"
        )
    return value
