"""The registry that hosts share images through: pushed by who built them, pulled by the others."""

from collections.abc import Iterable
from typing import Any

from docker import APIClient
from docker.errors import APIError, DockerException, NotFound
from pyinfra.api.host import Host

from link.daemon import daemon
from operations.lacking import Lacking
from operations.transfer import Moved, tag_as_its_own
from stack.release.images import LABEL, Image

NOBODY = dict[str, str]()
"""The login that is sent: some daemons refuse a push without one."""
LAYER = ("Already exists", "Pulling fs layer")
"""What a daemon says once of each layer of an image that it pulls."""


def fetch(host: Host, lacking: Lacking, registry: str) -> Moved | None:
    """Pull what a host lacks and the registry has; None when that is nothing.

    Each is known by its label once it came: one of other content is removed again. An error of
    operations/refusal.py's LOST where the registry or the daemon can't be reached.
    """
    api = daemon(host, lacking.plan.detected.runtime)
    names: list[str] = []
    there, layers = set[str](), set[str]()
    for name in lacking.names:
        image = lacking.plan.release.images[name]
        lines = _pulled(api, _place(image, registry), image)
        if lines is None:
            continue
        # The daemon counts bytes for a progress bar alone: of a small layer it tells none.
        there |= {line["id"] for line in lines if line.get("status") == "Already exists"}
        layers |= {line["id"] for line in lines if line.get("status") in LAYER}
        if _taken_over(api, _place(image, registry), image):
            names.append(name)
    return Moved(tuple(names), None, len(layers), len(there)) if names else None


def push(host: Host, lacking: Lacking, registry: str, names: Iterable[str]) -> None:
    """Push images of a host; one whose layers the registry has moves no more than its name.

    An error of operations/refusal.py's LOST where that can't be.
    """
    api = daemon(host, lacking.plan.detected.runtime)
    for name in names:
        image = lacking.plan.release.images[name]
        place = _place(image, registry)
        tag = _tag(image)
        api.tag(image.pinned_reference, place, tag)
        try:
            for line in api.push(place, tag, stream=True, auth_config=NOBODY, decode=True):
                if "error" in line:
                    raise DockerException(line["error"])
        finally:
            api.remove_image(f"{place}:{tag}", noprune=True)


def _place(image: Image, registry: str) -> str:
    """An image's repository there: registry.local:5000/nautilus-risk."""
    return f"{registry}/{image.repository}"


def _tag(image: Image) -> str:
    """Its tag there, which only this content has."""
    return image.pinned_reference.rpartition(":")[2]


def _pulled(api: APIClient, place: str, image: Image) -> list[dict[str, Any]] | None:
    try:
        lines = list(api.pull(place, _tag(image), stream=True, auth_config=NOBODY, decode=True))
    except NotFound:
        return None
    for line in lines:
        if "error" in line:
            raise DockerException(line["error"])
    return lines


def _taken_over(api: APIClient, place: str, image: Image) -> bool:
    """Whether what came is the image: it gets its own names then; the registry's goes."""
    reference = f"{place}:{_tag(image)}"
    found = api.inspect_image(reference)  # type: ignore[no-untyped-call]
    same = (found["Config"].get("Labels") or {}).get(LABEL) == image.digest
    if same:
        tag_as_its_own(api, found["Id"], image)
    try:
        api.remove_image(reference, noprune=same)
    except APIError as error:
        raise DockerException(f"{reference} can't be removed: {error.explanation}") from error
    return same
