"""Containers and what they may use, described in words, and how two of them differ."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from stack.model import Allocation
from stack.quantities import cores_of, show_cores, show_memory
from stack.release.containers import RELEASE_LABEL, Container

KEYED = ("environment ", "labels ")
"""Fields whose keys are the user's own words."""


def differing_keys(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Keys whose values differ, and those that only one has; in their order in `old`."""
    return [key for key in {**old, **new} if old.get(key) != new.get(key)]


def resources_in_words(allocation: Allocation, daemon_cpus: int | None = None) -> dict[str, str]:
    """What a service may use, by the names that people know; of a daemon with so many CPUs."""
    return {
        "cpuset": _cores(allocation.cpuset, daemon_cpus),
        "CPUs": f"{allocation.cpus:g}",
        "CPU shares": str(allocation.cpu_shares),
        "memory": show_memory(allocation.memory_bytes),
        "reservation": show_memory(allocation.reservation_bytes),
    }


def different_fields(
    actual: Container, desired: Container
) -> Iterator[tuple[str, str | None, str | None]]:
    """Fields that differ, in words; image and release's name excepted: both follow from others."""
    for name, before, after in _different_values(actual, desired):
        yield _in_words(name), _show(name, before), _show(name, after)


def _different_values(
    actual: Container, desired: Container
) -> Iterator[tuple[str, object, object]]:
    releases = actual.labels.get(RELEASE_LABEL), desired.labels[RELEASE_LABEL]
    old, new = asdict(actual), asdict(desired)
    for name in new:
        if name == "image":
            continue
        if not isinstance(new[name], Mapping):
            if old[name] != new[name]:
                yield name, old[name], new[name]
            continue
        for key in sorted(old[name].keys() | new[name].keys()):
            before, after = old[name].get(key), new[name].get(key)
            if before != after and (before, after) != releases:
                yield f"{name} {key}", before, after


def _in_words(name: str) -> str:
    """A field's name without its unit, which its values say."""
    if name.startswith(KEYED):
        return name
    return name.removesuffix("_bytes").removesuffix("_s").replace("_", " ")


def _show(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value) or None
    if isinstance(value, int) and name.endswith("_bytes"):
        return show_memory(value)
    if isinstance(value, int | float) and name.endswith("_s"):
        return f"{value:g} s"
    return str(value)


def _cores(cpuset: str | None, daemon_cpus: int | None) -> str:
    """A cpuset in words, the same for the same cores; one of every core is the same as none."""
    if daemon_cpus is None:
        return cpuset or "any"
    every = tuple(range(daemon_cpus))
    if cpuset is None or cores_of(cpuset) == every:
        return f"any of {show_cores(every)}"
    return show_cores(cores_of(cpuset))
