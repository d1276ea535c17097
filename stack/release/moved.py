"""A release out of a backup, made to fit another host: a new map and new paths, the same images."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import ValidationError

from stack.errors import DrydockError
from stack.load import Inputs
from stack.model import Chip, Daemon, Stack
from stack.origins import Origins
from stack.planner.map import plan
from stack.release.archive import Archive
from stack.release.kept import named, read_description
from stack.release.render import DESCRIPTION, Release, release_of
from stack.release.templates import HOME
from stack.settings import Settings


def moved(
    archive: Archive, chip: Chip, daemon: Daemon, settings: Settings, secrets_directory: str
) -> Release:
    """A release of a backup as it should run on this host; DrydockError when it can't.

    It is the one that ran, unless the settings name another. Images are built from the contexts in
    the backup, so they are the same by their digests.
    """
    manifest = archive.manifest
    if manifest.architecture != daemon.architecture:
        raise DrydockError(
            f"{archive.path} was made on {manifest.architecture}, this host's daemon is"
            f" {daemon.architecture}: its images can't be built here; restore it on a host alike"
        )
    chosen = manifest.release
    if settings.release is not None:
        known = f"in it are {', '.join(archive.releases)}"
        chosen = named(archive.releases, settings.release, f"in {archive.path}", known)
    files = archive.releases[chosen]
    try:
        text = files.get(DESCRIPTION, b"").decode()
        former = read_description(text, {})
    except (ValidationError, ValueError) as error:
        raise DrydockError(
            f"{archive.path}: its release was written by another version of Drydock:"
            " restore it with that one, and deploy with this one afterwards"
        ) from error
    # Whose volumes were taken over there is no matter here.
    stack = former.stack.model_copy(update={"volume_names": {}, "project": None})
    core_map = plan(_inputs(stack, settings), chip, daemon)
    return release_of(
        stack,
        core_map,
        chip.tag,
        {
            name: replace(image, tag=chip.tag)
            for name, image in {**former.shared, **former.images}.items()
        },
        _contexts(files),
        settings,
        secrets_directory,
        HOME,
    )


def left_out(release: Release, archive: Archive) -> Iterator[str]:
    """Where the data in a backup isn't what this release of it keeps, a sentence each."""
    kept = {name for name, it in release.stack.services.items() if it.backup}
    saved = set(archive.sizes_bytes)
    for name in sorted(saved - kept):
        yield f"data of {name} is not brought back: this release doesn't say how"
    for name in sorted(kept - saved):
        yield f"{name} starts without data: the backup has none of it"


def _inputs(stack: Stack, settings: Settings) -> Inputs:
    return Inputs(stack, None, {}, None, settings, Origins({}, {}))


def _contexts(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if path.startswith("images/")}
