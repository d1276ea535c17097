"""What a deploy needs besides a daemon: the CLI's plugins, and room on the disk."""

import re
from dataclasses import asdict, dataclass

from pyinfra.api.facts import FactBase

from facts.shell import path_word, script


@dataclass(frozen=True)
class ToolsInfo:
    """Versions as `2.26.1`, "" where a plugin is missing or does not run.

    `plugin_directories` is what `cliPluginsExtraDirs` must list in a Docker configuration of one's
    own. `free_bytes` is of the directory's file system, None when `df` did not say.
    """

    compose_version: str
    buildx_version: str
    plugin_directories: tuple[str, ...]
    free_bytes: int | None
    links: tuple[str, ...] = ()
    """Paths where Drydock writes that lead elsewhere."""

    def to_json(self) -> dict[str, object]:
        """For pyinfra's own JSON output."""
        return asdict(self)


class Tools(FactBase[ToolsInfo]):
    """Compose, buildx, free disk space, and links where there should be none.

    + docker_cli: the CLI's absolute path; plugins are also looked for beside it
    + directory: whose file system's free space is asked; it need not exist yet
    """

    def command(self, docker_cli: str, directory: str) -> str:
        """One script; the plugins are run by themselves, so no Docker configuration matters."""
        return script("tools", path_word(directory), docker_cli=docker_cli, compose="", buildx="")

    def process(self, output: list[str]) -> ToolsInfo:
        """Read the tab-separated lines."""
        pairs = [line.partition("\t")[::2] for line in output]
        values = dict(pairs)
        free_kib = values.get("free_kib", "")
        return ToolsInfo(
            compose_version=_version(values.get("compose", "")),
            buildx_version=_version(values.get("buildx", "")),
            plugin_directories=tuple(value for key, value in pairs if key == "plugin_directory"),
            free_bytes=int(free_kib) * 1024 if free_kib.isdecimal() else None,
            links=tuple(value for key, value in pairs if key == "link"),
        )


def _version(text: str) -> str:
    found = re.search(r"\d+(?:\.\d+)+", text)
    return found.group() if found else ""
