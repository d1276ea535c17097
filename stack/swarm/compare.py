"""What differs between the services that a swarm should run and those that it has."""

from collections.abc import Iterator, Mapping
from typing import Any

from stack.quantities import show_memory

WORDS = {
    "Image": "image",
    "NanoCPUs": "CPUs",
    "Pids": "pids limit",
    "Replicas": "replicas",
    "Env": "environment",
    "Args": "command",
    "Ports": "ports",
    "Secrets": "secrets",
}
"""What people call a field of the API; others are called as it calls them."""


def differences(desired: object, observed: object, path: str = "") -> Iterator[str]:
    """Say each difference in words; what only the daemon says, its defaults, is none."""
    if isinstance(desired, Mapping):
        has: Mapping[str, Any] = observed if isinstance(observed, Mapping) else {}
        for key, value in desired.items():
            yield from differences(value, has.get(key), f"{path}.{key}" if path else key)
    elif isinstance(desired, list) and desired and isinstance(desired[0], Mapping):
        entries: list[Any] = observed if isinstance(observed, list) else []
        if len(entries) != len(desired):
            yield f"{_named(path)} {len(entries)} → {len(desired)}"
            return
        for wanted, there in zip(desired, entries, strict=True):
            yield from differences(wanted, there, path)
    elif (desired or None) != (observed or None):
        yield _in_words(path, desired, observed)


def makes_new_tasks(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> bool:
    """Whether Swarm replaces containers for it: what is said of the service alone needs none."""
    parts = ("TaskTemplate", "EndpointSpec")
    return any(True for part in parts for _ in differences(desired[part], observed.get(part)))


def _in_words(path: str, desired: object, observed: object) -> str:
    # Of the environment only that it changed: a value may be more than others should read.
    if isinstance(desired, list) or isinstance(observed, list):
        return f"{_named(path)} changed"
    return f"{_named(path)} {_shown(path, observed)} → {_shown(path, desired)}"


def _named(path: str) -> str:
    *_, parent, field = ("", *path.split("."))
    if field == "MemoryBytes":
        return {"Limits": "memory", "Reservations": "reservation"}.get(parent, field)
    return WORDS.get(field, field)


def _shown(path: str, value: object) -> str:
    if value is None:
        return "none"
    if path.endswith("Bytes") and isinstance(value, int):
        return show_memory(value)
    if path.endswith("NanoCPUs") and isinstance(value, int):
        return f"{value / 1e9:g}"
    return str(value)


def with_names(spec: Mapping[str, Any], networks: Mapping[str, str]) -> dict[str, Any]:
    """An observed service with its networks by their names.

    + networks: id → name
    """
    template = spec["TaskTemplate"]
    named = [
        {**it, "Target": networks.get(it["Target"], it["Target"])}
        for it in template.get("Networks") or ()
    ]
    return {**spec, "TaskTemplate": {**template, "Networks": named}}
