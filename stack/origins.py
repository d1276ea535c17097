"""Where data was said, so that an error names the file and the key to edit."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from stack.errors import DrydockError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Origins:
    """The file of each top-level key, and the overrides that were merged into the stack."""

    files: Mapping[str, str]
    overrides: Mapping[str, Mapping[str, Any]]

    def file(self, key: str) -> str:
        """The file that defined a top-level key; without one, it came with the host."""
        return self.files.get(key, "inventory or --data")

    def place(self, *path: str | int) -> str:
        """The file and the full key of a value, at the override if there is one."""
        match path:
            case ("stack", "services", str() as service) if service in self.overrides:
                return f"{self.file('stack')} with {self.file('overrides')}: {dotted(*path)}"
            case ("stack", "services", str() as service, *rest) if rest and (
                descend(self.overrides.get(service), tuple(rest))[0] == tuple(rest)
            ):
                return f"{self.file('overrides')}: {dotted('overrides', service, *rest)}"
        return f"{self.file(str(path[0]))}: {dotted(*path)}"


def dotted(*path: str | int) -> str:
    """Write a path as people do: stack.services.risk.needs.0."""
    return ".".join(str(part) for part in path)


def descend(data: object, path: KeyPath) -> tuple[KeyPath, object]:
    """Follow a path as far as nested data goes: the part of the path there is, and its value."""
    for depth, part in enumerate(path):
        is_key = isinstance(data, Mapping) and part in data
        is_index = isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
        if not is_key and not is_index:
            return path[:depth], data
        data = data[part]  # type: ignore[index]
    return path, data


def suggest(name: object, known: Iterable[str]) -> str:
    """Name the nearest known name, or all of them when none is near."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known are {', '.join(names)}" if names else "none is known"


def group_origins(groups: Iterable[str], directory: Path) -> dict[str, str]:
    """Tell which group_data file assigns each key, all.py first and later groups over it."""
    origins: dict[str, str] = {}
    for group in ("all", *(group for group in groups if group != "all")):
        path = directory / f"{group}.py"
        if path.is_file():
            origins |= dict.fromkeys(_assigned(path), f"{directory.name}/{path.name}")
    return origins


def _assigned(path: Path) -> list[str]:
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise DrydockError(f"{path.parent.name}/{path.name}: not valid Python: {error}") from error
    targets: list[ast.expr] = []
    for statement in module.body:
        if isinstance(statement, ast.Assign):
            targets += statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets.append(statement.target)
    return [
        node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)
    ]
