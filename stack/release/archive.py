"""A backup as one file: a tar archive, checked to the last byte before anything is done with it.

manifest.json    what it is, and the SHA-256 of every other file
secrets.sealed   the secrets and the manifest's own SHA-256, encrypted with the user's key
release/         all files of the release that ran
earlier/ID/      all files of each release that was kept beside it
data/SERVICE     what the service's `backup.save` wrote
"""

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import Field, ValidationError

from stack.errors import DrydockError
from stack.fields import Data, Name
from stack.release import digest
from stack.release.seal import seal, unseal

FORMAT = 1
MANIFEST, SEALED, DATA = "manifest.json", "secrets.sealed", "data"
RELEASE, EARLIER = "release", "earlier"
BLOCK_BYTES = 2**20


class Manifest(Data):
    """What a backup is made of."""

    format: int = FORMAT
    stack: Name
    release: str
    earlier: tuple[str, ...] = ()
    """Other releases that it holds, the newest first."""
    architecture: str
    """Of the daemon that its images were built on."""
    made_at: str
    who: str
    services: tuple[Name, ...]
    """Whose data it holds."""
    files: dict[str, str] = Field(default_factory=dict)
    """Path in the archive → SHA-256, of all but this file and the secrets."""

    def written(self) -> bytes:
        """The file's content."""
        return self.model_dump_json(indent=1).encode()


@dataclass(frozen=True)
class Archive:
    """A backup that was read to its end and is as it was made."""

    path: Path
    manifest: Manifest
    secrets: Mapping[str, str]
    releases: Mapping[str, Mapping[str, bytes]]
    """Release → its files by their path in it; the one that ran comes first."""
    sizes_bytes: Mapping[str, int]
    """Service → size of its data."""


def seal_secrets(key: bytes, secrets: Mapping[str, str], manifest: Manifest) -> bytes:
    """Encrypt secrets, together with what tells whether the rest is the same as when they were."""
    content = {"manifest": digest.of_bytes(manifest.written()), "secrets": dict(secrets)}
    return seal(key, json.dumps(content).encode())


def open_archive(path: str, key: bytes) -> Archive:
    """Read a backup to its end; DrydockError says what is wrong with it or with the key."""
    file = Path(path).expanduser()
    try:
        with tarfile.open(file, "r:") as opened:
            return _read(file, opened, key)
    except FileNotFoundError:
        raise DrydockError(f"archive = {path!r}: no such file on this machine") from None
    except (OSError, EOFError, tarfile.TarError) as error:
        raise _damaged(path, f"it is no whole tar archive ({error})") from error


def _read(file: Path, opened: tarfile.TarFile, key: bytes) -> Archive:
    members = {it.name.removeprefix("./"): it for it in opened.getmembers() if not it.isdir()}
    if strange := [name for name, it in members.items() if not it.isfile()]:
        raise _damaged(file, f"{strange[0]} is no plain file")
    if missing := sorted({MANIFEST, SEALED} - members.keys()):
        raise _damaged(file, f"{missing[0]} is missing")
    written = _whole(opened, members[MANIFEST])
    manifest = _manifest(file, written)
    _check(file, opened, members, manifest)
    opening = unseal(key, _whole(opened, members[SEALED]))
    if opening is None:
        raise DrydockError(
            f"{file}: its secrets can't be opened: the key in key_file is another one, or {SEALED}"
            " is damaged; nothing was changed"
        )
    said = json.loads(opening)
    if said["manifest"] != digest.of_bytes(written):
        raise _damaged(file, f"{MANIFEST} isn't the one that its secrets were encrypted with")
    places = {
        manifest.release: f"{RELEASE}/",
        **{it: f"{EARLIER}/{it}/" for it in manifest.earlier},
    }
    return Archive(
        path=file,
        manifest=manifest,
        secrets=said["secrets"],
        releases={
            release: {
                name.removeprefix(place): _whole(opened, it)
                for name, it in members.items()
                if name.startswith(place)
            }
            for release, place in places.items()
        },
        sizes_bytes={name: members[f"{DATA}/{name}"].size for name in manifest.services},
    )


def _manifest(file: Path, written: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(written)
    except ValidationError as error:
        raise _damaged(file, f"{MANIFEST} can't be read ({error.error_count()} errors)") from error
    if manifest.format != FORMAT:
        raise DrydockError(
            f"{file} has format {manifest.format}, this Drydock reads {FORMAT}: use the Drydock"
            " that made it"
        )
    return manifest


def _check(
    file: Path, opened: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], manifest: Manifest
) -> None:
    wanted = {*manifest.files, *(f"{DATA}/{name}" for name in manifest.services)}
    for name in sorted(wanted | members.keys() - {MANIFEST, SEALED}):
        if name not in members:
            raise _damaged(file, f"{name} is missing")
        found = hashlib.sha256()
        stream = _stream(opened, members[name])
        while block := stream.read(BLOCK_BYTES):
            found.update(block)
        if found.hexdigest() != manifest.files.get(name):
            raise _damaged(file, f"{name} isn't what was saved")


def _stream(opened: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = opened.extractfile(member)
    if stream is None:
        raise tarfile.ReadError(f"{member.name} has no content")
    return stream


def _whole(opened: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return _stream(opened, member).read()


def _damaged(file: object, what: str) -> DrydockError:
    return DrydockError(f"the backup {file} is damaged: {what}; nothing was changed: take another")
