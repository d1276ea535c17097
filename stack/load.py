"""Read the data of a host's groups and inventory as a stack, or say all that is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from re import fullmatch
from typing import Any

from pydantic import Field

from stack.consistency import check_core_map, check_stack
from stack.core_map import CoreMap
from stack.errors import DrydockError
from stack.fields import NAME_PATTERN
from stack.model import Stack
from stack.origins import Origins, group_origins, suggest
from stack.settings import Settings
from stack.wording import validate

__all__ = ["DATA_KEYS", "Inputs", "group_origins", "load_stack"]

DATA_KEYS = ("stack", "core_map", "overrides", "chip", *Settings.model_fields)
SUDO_PASSWORD = "_sudo_password"  # noqa: S105 - pyinfra's name for it
"""Who gives it lets Drydock become root on the host, for what needs that."""


@dataclass(frozen=True)
class Inputs:
    """All that is said about a host: the stack, its map if there is one, and its settings."""

    stack: Stack
    core_map: CoreMap | None
    literal: Mapping[str, frozenset[str]]
    """Service → fields that overrides said; they are obeyed exactly, or refused."""
    chip_wanted: str | None
    settings: Settings
    origins: Origins


class _Scalars(Settings):
    """The settings, with the chip that the group asks for."""

    chip: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]*$")


def load_stack(data: Mapping[str, Any], origins: Mapping[str, str]) -> Inputs:
    """Validate the data of a host; DrydockError lists all that is wrong, a line each.

    + data: the keys of DATA_KEYS; others belong to pyinfra or to the user and are left alone
    + origins: for each key the file, or other place, that defined it
    """
    problems: list[str] = []
    services = _service_names(data)
    overrides = _overrides(data, services, Origins(origins, {}), problems)
    places = Origins(origins, overrides)
    _refuse_misspelt(data, places, problems)

    stack = None
    if data.get("stack") is None:
        problems.append(f"{places.place('stack')}: missing; add it")
    else:
        stack = validate(Stack, _merged(data, overrides), ("stack",), places, problems)
    if stack:
        problems += check_stack(stack, places)
    core_map = None
    if data.get("core_map") is not None:
        core_map = validate(CoreMap, data["core_map"], ("core_map",), places, problems)
    if core_map:
        problems += check_core_map(core_map, services, places)
    scalars = _scalars(data, places, problems)

    if problems or stack is None or scalars is None:
        raise DrydockError("\n".join(problems))
    return Inputs(
        stack=_with_what_is_on(stack, scalars),
        core_map=core_map,
        literal={service: frozenset(fields) for service, fields in overrides.items()},
        chip_wanted=scalars.chip,
        settings=Settings(**scalars.model_dump(exclude={"chip"})),
        origins=places,
    )


def load_settings(data: Mapping[str, Any], origins: Mapping[str, str]) -> tuple[str, Settings]:
    """The stack's name and the settings alone, for what needs no stack; else as `load_stack`."""
    problems: list[str] = []
    places = Origins(origins, {})
    stack = data.get("stack")
    name = stack.get("name") if isinstance(stack, Mapping) else None
    if not isinstance(name, str) or not fullmatch(NAME_PATTERN, name):
        problems.append(f"{places.place('stack', 'name')} = {name!r}: name the stack")
    scalars = _scalars(data, places, problems)
    if problems or scalars is None:
        raise DrydockError("\n".join(problems))
    return str(name), Settings(**scalars.model_dump(exclude={"chip"}))


def _with_what_is_on(stack: Stack, settings: Settings) -> Stack:
    services = {
        name: service
        for name, service in stack.services.items()
        if service.when is None or getattr(settings, service.when) is not None
    }
    return stack.model_copy(update={"services": services})


def _scalars(data: Mapping[str, Any], places: Origins, problems: list[str]) -> _Scalars | None:
    said = {key: data[key] for key in _Scalars.model_fields if key in data}
    if said.get("monitor", True) is True and data.get(SUDO_PASSWORD):
        said["monitor"] = "daemon"
    return validate(_Scalars, said, (), places, problems)


def _service_names(data: Mapping[str, Any]) -> list[str]:
    stack = data.get("stack")
    services = stack.get("services") if isinstance(stack, Mapping) else None
    return [str(name) for name in services] if isinstance(services, Mapping) else []


def _refuse_misspelt(data: Mapping[str, Any], places: Origins, problems: list[str]) -> None:
    """Refuse a key that nearly is one of ours: ignoring it would hide a slip of the pen."""
    for key in data:
        if key not in DATA_KEYS and get_close_matches(key, DATA_KEYS, n=1, cutoff=0.85):
            problems.append(f"{places.place(key)}: unknown key; {suggest(key, DATA_KEYS)}")


def _overrides(
    data: Mapping[str, Any], services: list[str], places: Origins, problems: list[str]
) -> dict[str, Mapping[str, Any]]:
    """Take the overrides that name a known service; the others become problems."""
    overrides = data.get("overrides") or {}
    shape = "write a dictionary, such as {'risk': {'memory': '3 GiB'}}"
    if not isinstance(overrides, Mapping):
        problems.append(f"{places.place('overrides')} = {overrides!r}: {shape}")
        return {}
    known: dict[str, Mapping[str, Any]] = {}
    for service, fields in overrides.items():
        where = places.place("overrides", service)
        if service not in services:
            problems.append(f"{where}: unknown service; {suggest(service, services)}")
        elif not isinstance(fields, Mapping):
            problems.append(f"{where} = {fields!r}: {shape}")
        else:
            known[service] = fields
    return known


def _merged(data: Mapping[str, Any], overrides: Mapping[str, Mapping[str, Any]]) -> object:
    stack = data.get("stack")
    return _merge(stack, {"services": overrides}) if overrides else stack


def _merge(base: object, over: object) -> object:
    """Lay nested data over other nested data."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: _merge(base.get(key), value) for key, value in over.items()}}
