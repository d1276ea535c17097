"""Contents of files on a host."""

import shlex
from collections.abc import Iterable

from pyinfra.api.exceptions import FactProcessError
from pyinfra.api.facts import FactBase

from facts.shell import decoded, path_word, script


class TextFiles(FactBase[dict[str, str]]):
    """Contents of the named files that exist, by their names as given.

    + paths: absolute, or below `~/`

    Bytes that are no UTF-8 appear as escapes. A file that is there but can't be read is an error.
    """

    def command(self, paths: Iterable[str]) -> str:
        """One script for all files."""
        words = (word for path in paths for word in (shlex.quote(path), path_word(path)))
        return script("files", *words)

    @staticmethod
    def default() -> dict[str, str]:
        """None of the files exists."""
        return {}

    def process(self, output: list[str]) -> dict[str, str]:
        """Decode the lines after each name."""
        lines: dict[str, list[str]] = {}
        name = ""
        for line in output:
            kind, tab, rest = line.partition("\t")
            if tab and kind == "file":
                name = rest
                lines[name] = []
            elif line == "!":
                raise FactProcessError(f"cannot read {name}")
            else:
                lines[name].append(line)
        return {name: decoded(encoded) for name, encoded in lines.items()}
