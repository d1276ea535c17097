"""Docker Desktop's settings: read, and changed without touching anything else in them.

`~/Library/Group Containers/group.com.docker/settings-store.json`, up to version 4.34 settings.json
(docker/docs#21003). Its keys are nowhere documented: `cpus` and `memoryMiB` in the older file,
`Cpus` and `MemoryMiB` in the newer, and either may be missing (docker/desktop-feedback#171).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from stack.quantities import MIB
from stack.vm.size import Size

STORE = "settings-store.json"
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Member:
    key: str
    value: object
    begin: int
    """Where the text of its value begins and ends."""
    end: int


def size_in(text: str) -> Size:
    """The size that settings ask for; None for what they leave to Docker Desktop.

    ValueError says what is wrong with them.
    """
    found: dict[str, int | None] = {"cpus": None, "memorymib": None}
    for member in _sizes(text):
        found[member.key.lower()] = member.value if isinstance(member.value, int) else None
    memory_mib = found["memorymib"]
    return Size(found["cpus"], None if memory_mib is None else memory_mib * MIB)


def with_size(text: str, size: Size, file: str) -> str:
    """The same settings, letter by letter, with another size; what `size` lacks stays.

    + file: their name, which tells how a key is spelt that isn't there yet

    ValueError as from `size_in`.
    """
    wanted = {
        "cpus": size.cpus,
        "memorymib": None if size.memory_bytes is None else size.memory_bytes // MIB,
    }
    found = list(_sizes(text))
    for member in reversed(found):
        number = wanted[member.key.lower()]
        if number is not None:
            text = f"{text[: member.begin]}{number}{text[member.end :]}"
    there = {member.key.lower() for member in found}
    names = ("Cpus", "MemoryMiB") if file.endswith(STORE) else ("cpus", "memoryMiB")
    for name in names:
        number = wanted[name.lower()]
        if number is not None and name.lower() not in there:
            text = _with_member(text, f'"{name}": {number}')
    return text


def _sizes(text: str) -> Iterator[_Member]:
    for member in _members(text):
        if member.key.lower() in ("cpus", "memorymib"):
            if member.value is not None and type(member.value) is not int:
                raise ValueError(f"{member.key} is {json.dumps(member.value)}, not a whole number")
            yield member


def _members(text: str) -> list[_Member]:
    """The members of the outermost object, in order, a key that is there twice two times."""
    try:
        whole = json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(whole, dict):
        raise ValueError("it is no JSON object")
    members = []
    at = text.index("{") + 1
    # The whole is valid, so what stands between the values is known.
    while text[at := _past_space(text, at)] != "}":
        if text[at] == ",":
            at = _past_space(text, at + 1)
        key, at = _DECODER.raw_decode(text, at)
        begin = _past_space(text, text.index(":", at) + 1)
        value, at = _DECODER.raw_decode(text, begin)
        members.append(_Member(key, value, begin, at))
    return members


def _with_member(text: str, member: str) -> str:
    begin = text.index("{") + 1
    first = _past_space(text, begin)
    comma = "" if text[first] == "}" else ","
    return f"{text[:begin]}{text[begin:first]}{member}{comma}{text[begin:]}"


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
