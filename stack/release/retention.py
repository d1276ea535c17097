"""Which releases and images a host keeps, and which go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stack.changes.observed import ObservedImage
from stack.release.kept import KeptRelease
from stack.release.render import Release

KEEPS_LABEL = "dev.drydock.keeps"
"""Label of the containers that do nothing but hold an image: the stack that they hold it for."""


@dataclass(frozen=True)
class Retention:
    """What stays and what goes, by id."""

    old_releases: tuple[str, ...]
    old_images: tuple[str, ...]
    held_images: tuple[str, ...]
    """Images of kept releases that the current one doesn't use: nothing else protects those."""


def retention(
    kept: Iterable[KeptRelease],
    current: Release,
    images: Mapping[str, ObservedImage],
    used_images: Iterable[str],
    keep_releases: int,
    former: str | None = None,
) -> Retention:
    """Keep the last good releases and the current one; others go with what they alone use.

    + former: what was current on the host: the one that ran before counts as the last one, however
      long ago it was deployed first
    + images: the stack's images on the host, by id
    + used_images: ids of those that some container uses, the holding ones excepted

    Shared images stay as long as the current release is built on them. Nobody knows those of a
    release that was gone back to, so then no image goes.
    """
    known = list(kept)
    if former in (None, current.id):
        # A run that goes on with a broken-off one finds its own release current.
        own = (it.record for it in known if it.id == current.id and it.record)
        former = next((it.former for it in own), None)
    good = sorted(
        (it for it in known if it.good), key=lambda it: (it.id == former, it.number), reverse=True
    )
    others = [it for it in good if it.id != current.id]
    stays = {current.id, *(it.id for it in others[: keep_releases - 1])}
    releases = [it.release for it in known if it.id in stays and it.release]
    wanted = {image.digest for each in releases for image in each.images.values()}
    running = {image.digest for image in current.images.values()}
    gone = set() if current.kept else {it.digest for it in images.values()} - wanted - running
    unused = {
        id: it.digest for id, it in images.items() if it.digest and id not in set(used_images)
    }
    return Retention(
        old_releases=tuple(sorted(it.id for it in known if it.id not in stays)),
        old_images=tuple(id for id, digest in unused.items() if digest in gone),
        held_images=tuple(id for id, digest in unused.items() if digest in wanted - running),
    )
