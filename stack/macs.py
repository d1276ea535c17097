"""Read a list of Macs in TOML as pyinfra's inventory groups."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydantic import Field

from stack.errors import DrydockError
from stack.fields import Data
from stack.origins import Origins
from stack.wording import validate

Groups = dict[str, tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]]
"""Group → its hosts, each with its data, and the group's data: as pyinfra takes it."""
_CHIP = re.compile(r"m[1-9][0-9]*(pro|max|ultra)?")


class Group(Data):
    """Some Macs, by name or as the user's SSH configuration names them."""

    hosts: dict[str, dict[str, Any]] = Field({})
    """Host → its data, such as ssh_user."""
    ssh_config: tuple[str, ...] = ()
    """Patterns, such as `mac-*`, of hosts in ~/.ssh/config."""
    chip: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9-]*$")
    """What its hosts must be; of a group that is named like an Apple chip, that."""
    data: dict[str, Any] = Field({})
    """What all its hosts have in common."""


def groups_of(text: str, origin: str, ssh_hosts: Callable[[], Iterable[str]]) -> Groups:
    """Read a list of Macs; DrydockError says all that is wrong with it.

    + origin: the file, for errors
    + ssh_hosts: names in the user's SSH configuration, asked for only if a group wants some
    """
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DrydockError(f"{origin}: not valid TOML: {error}") from error
    problems: list[str] = []
    places = Origins(dict.fromkeys(said, origin), {})
    groups: Groups = {}
    for name, value in said.items():
        group = validate(Group, value, (name,), places, problems)
        if group:
            hosts = dict(group.hosts)
            for pattern in group.ssh_config:
                found = _matching(pattern, ssh_hosts())
                if not found:
                    problems.append(
                        f"{origin}: {name}.ssh_config: no host in ~/.ssh/config is "
                        f"named like {pattern!r}; add one, or drop the pattern"
                    )
                hosts = {host: {} for host in found} | hosts
            chip = group.chip or (name if _CHIP.fullmatch(name) else None)
            data = group.data | ({"chip": chip} if chip else {})
            groups[name] = (list(hosts.items()), data)
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or name == "all":
            problems.append(
                f"{origin}: {name}: no name for a group; write small letters, digits, "
                "'-' and '_', and not 'all'"
            )
    problems += _check_hosts(said, groups, origin)
    if problems:
        raise DrydockError("\n".join(problems))
    return groups


def _matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Names that a pattern means; an entry of ~/.ssh/config that is a pattern itself is no host."""
    plain = (name for name in names if not set(name) & set("*?!"))
    return sorted(name for name in plain if fnmatchcase(name, pattern))


def _check_hosts(said: Mapping[str, Any], groups: Groups, origin: str) -> Iterable[str]:
    """Say which groups are empty, and which Mac would be of two chips."""
    if not said:
        yield f"{origin}: names no group; write for example [m4max] and [m4max.hosts]"
    chips: dict[str, tuple[str, str]] = {}
    for group, (hosts, data) in groups.items():
        if not hosts:
            yield f"{origin}: {group}: has no host; name some in [{group}.hosts] or by ssh_config"
        for host, _ in hosts:
            chip = data.get("chip")
            other, others_chip = chips.setdefault(host, (group, chip)) if chip else (group, chip)
            if others_chip != chip:
                yield f"{origin}: {group}: {host} is in {other}, too, which is another chip's"
