"""What a host keeps of a stack."""

import re
from dataclasses import asdict, dataclass, field
from itertools import takewhile

from pyinfra.api.facts import FactBase

from facts.shell import decoded, path_word, script
from stack.settings import GIVEN


@dataclass(frozen=True)
class ReleaseInfo:
    """The current release of a stack and what else is kept; empty before the first deploy.

    `current` is the target of the `current` link as it stands, `releases/ID`; `files` the SHA-256
    in hex of every regular file below it, by relative path; `manifest` the text of manifest.json,
    `record` that of the release's record beside it.
    """

    current: str = ""
    manifest: str = ""
    record: str = ""
    files: dict[str, str] = field(default_factory=dict)
    release_ids: tuple[str, ...] = ()
    secret_names: tuple[str, ...] = ()
    given_digests: dict[str, str] = field(default_factory=dict)
    directory_names: tuple[str, ...] = ()
    monitor_loaded: tuple[str, ...] = ()
    """agent, daemon: as which launchd knows the stack's monitor."""
    monitor_files: dict[str, str] = field(default_factory=dict)
    """Absolute path → SHA-256 of the monitor's programs and property lists."""
    adopted: dict[str, str] = field(default_factory=dict)
    """Volume → the existing one that was taken over for it; "" → Compose's project."""
    caps: tuple[str, ...] = ()
    """Lines of the monitor's file of caps."""
    bill: bool = False
    """Whether the current release has its bill of materials beside it."""
    lock: dict[str, str] = field(default_factory=dict)
    """`lock_state` and the values that its owner wrote down, each as `lock_NAME`."""

    def to_json(self) -> dict[str, object]:
        """For pyinfra's own JSON output."""
        return asdict(self)


class Release(FactBase[ReleaseInfo]):
    """The current release of a stack, with its files' digests, and the names of its secrets.

    + directory: the stack's directory, `~/.drydock/STACK`
    """

    def command(self, directory: str) -> str:
        """One script."""
        return script("release", path_word(directory), given=" ".join(GIVEN))

    @staticmethod
    def default() -> ReleaseInfo:
        """Nothing was ever deployed."""
        return ReleaseInfo()

    def process(self, output: list[str]) -> ReleaseInfo:
        """Read names, then digests, then the manifest and the record, in base64."""
        lines = iter(output)
        names = [line.partition("\t")[::2] for line in takewhile(lambda x: x != "files", lines)]
        digests = dict(map(digest_line, takewhile(lambda line: line != "manifest", lines)))
        # No line of base64 is a word of six letters.
        manifest = decoded(takewhile(lambda line: line != "record", lines))
        return ReleaseInfo(
            current=dict(names).get("current", ""),
            manifest=manifest,
            record=decoded(lines),
            files={path: it for path, it in digests.items() if not path.startswith("/")},
            release_ids=tuple(name for kind, name in names if kind == "release"),
            secret_names=tuple(name for kind, name in names if kind == "secret"),
            given_digests=dict(name.split()[:2] for kind, name in names if kind == "given"),
            directory_names=tuple(name for kind, name in names if kind == "directory"),
            monitor_loaded=tuple(name for kind, name in names if kind == "loaded"),
            monitor_files={path: it for path, it in digests.items() if path.startswith("/")},
            adopted=dict(name.partition("\t")[::2] for kind, name in names if kind == "adopted"),
            caps=tuple(rest for kind, rest in names if kind == "cap"),
            bill="bill" in dict(names),
            lock={kind: value for kind, value in names if kind.startswith("lock_")},
        )


def digest_line(line: str) -> tuple[str, str]:
    """Path and digest of one line that sha256sum or shasum printed."""
    digest, _, path = line.partition(" ")
    path = path[1:].removeprefix("./")
    # Both programs mark a line with a backslash when they escape the name in it.
    if digest.startswith("\\"):
        digest = digest[1:]
        path = re.sub(r"\\(.)", lambda escape: {"n": "\n"}.get(escape[1], escape[1]), path)
    return path, digest
