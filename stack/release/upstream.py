"""Names of upstream images: as a stack says them, as a daemon lists them, as a mirror has them."""

from collections.abc import Iterable, Mapping
from typing import Any

from stack.settings import Settings

Json = Mapping[str, Any]


def local_digests(
    images: Iterable[Json], references: Iterable[str], pins: Mapping[str, str]
) -> dict[str, str]:
    """Upstream image → its digest among a daemon's images; those that it lacks are left out."""
    digests: dict[str, str] = {}
    for image in images:
        known = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
        pulled = [name.partition("@")[2] for name in image.get("RepoDigests") or ()]
        for reference in references:
            if familiar(reference) in known:
                # One image may have been pulled from several registries, under several digests.
                pinned = [digest for digest in pulled if digest == pins.get(reference)]
                digests[reference] = [*pinned, *pulled, image["Id"]][0]
    return digests


def familiar(reference: str) -> str:
    """A reference as the daemon lists it: with a tag, without Docker Hub's host and library."""
    name = reference.removeprefix("docker.io/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def mirrored(reference: str, settings: Settings) -> str:
    """A reference as it is pulled: Docker Hub's tags through the registry mirror, when one is set.

    Other registries are asked themselves, and so is one that names a digest: it can't be tagged.
    """
    name = familiar(reference)
    registry = name.partition("/")[0] if "/" in name else ""
    elsewhere = registry == "localhost" or "." in registry or ":" in registry
    if not settings.registry_mirror or elsewhere or "@" in name:
        return reference
    return f"{settings.registry_mirror}/{name if '/' in name else f'library/{name}'}"


def by_digest(reference: str, digest: str) -> str:
    """A reference whose tag gave way to a digest: that alone is pulled, or nothing."""
    if "@" in reference:
        return reference
    path, _, name = reference.rpartition("/")
    repository = name.partition(":")[0]
    return f"{path}/{repository}@{digest}" if path else f"{repository}@{digest}"


def cannot_pull(reference: str, settings: Settings, why: object) -> str:
    """What to tell when an upstream image can't be had."""
    mirror = settings.registry_mirror
    through = f" through registry_mirror {mirror}" if mirror else ""
    return (
        f"base image {reference} can't be pulled{through}: {str(why).strip()}; check the daemon's"
        " network, set registry_mirror in the host's data to a registry that has it, or name"
        " another image in the stack's bases"
    )
