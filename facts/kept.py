"""The releases that a host keeps."""

from dataclasses import asdict, dataclass, field

from pyinfra.api.facts import FactBase

from facts.release import digest_line
from facts.shell import decoded, path_word, script

PARTS = ("record", "manifest", "description", "files")


@dataclass(frozen=True)
class KeptFiles:
    """One release as it lies there: texts of three files, and SHA-256 in hex by relative path."""

    release_id: str
    record: str = ""
    manifest: str = ""
    description: str = ""
    found: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """For pyinfra's own JSON output."""
        return asdict(self)


class KeptReleases(FactBase[list[KeptFiles]]):
    """Every release of a stack, with the digests of its files.

    + directory: the stack's directory, `~/.drydock/STACK`
    """

    def command(self, directory: str) -> str:
        """One script."""
        return script("kept", path_word(directory))

    @staticmethod
    def default() -> list[KeptFiles]:
        """Nothing was ever deployed."""
        return []

    def process(self, output: list[str]) -> list[KeptFiles]:
        """Read each release's parts, in whatever order."""
        releases: dict[str, dict[str, list[str]]] = {}
        parts: dict[str, list[str]] = {}
        lines: list[str] = []
        for line in output:
            kind, tab, name = line.partition("\t")
            if tab and kind == "release":
                parts = releases.setdefault(name, {part: [] for part in PARTS})
            elif line in PARTS:
                lines = parts[line]
            else:
                lines.append(line)
        return [
            KeptFiles(
                release_id=name,
                found=dict(digest_line(line) for line in it["files"]),
                **{part: decoded(it[part]) for part in PARTS if part != "files"},
            )
            for name, it in releases.items()
        ]
