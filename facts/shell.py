"""Facts' shell scripts: POSIX sh with BSD or GNU tools, read-only, each one remote call."""

import base64
import shlex
from collections.abc import Iterable
from functools import cache
from pathlib import Path


def script(name: str, *words: str, **variables: str) -> str:
    """The script facts/NAME.sh with its positional parameters and variables set before it.

    Values of `variables` are quoted here; `words` are shell words already, as `path_word` gives.
    """
    assignments = [f"{key}={shlex.quote(value)}" for key, value in variables.items()]
    parameters = [" ".join(["set", "--", *words])]
    return "\n".join([*assignments, *parameters, _text(name)])


def path_word(path: str) -> str:
    """A path as one shell word, where a leading `~/` is the home of the user on the host."""
    if path.startswith("~/"):
        return f'"$HOME"/{shlex.quote(path[2:])}'
    return shlex.quote(path)


def decoded(base64_lines: Iterable[str]) -> str:
    """Text that a script printed by `base64`; bytes that are no UTF-8 appear as escapes."""
    return base64.b64decode("".join(base64_lines)).decode(errors="backslashreplace")


@cache
def _text(name: str) -> str:
    lines = Path(__file__).with_name(f"{name}.sh").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))
