"""Who of several hosts builds which image, and which layers of an image a host has already."""

from collections.abc import Iterable, Mapping, Sequence

Layers = tuple[str, ...]
"""Digests of an image's layers, the lowest first, as the daemon tells them (RootFS.Layers)."""


def builders(wanted: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Image content → the one host that builds it: the first that wants it.

    + wanted: host → digests of the content that it lacks, hosts in the inventory's order
    """
    chosen: dict[str, str] = {}
    for host, digests in wanted.items():
        for digest in digests:
            chosen.setdefault(digest, host)
    return chosen


def with_parents(names: Iterable[str], parents: Mapping[str, Iterable[str]]) -> set[str]:
    """Names of images, and of all that they are built on."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += parents[name]
    return found


def layers_there(wanted: Iterable[Layers], images: Iterable[Layers]) -> frozenset[str]:
    """Layers that needn't be moved to a host.

    A daemon knows a layer by all that lie below it, too: the same files on another base are
    another layer to it. So one is left out only where no wanted image has it in a new place.

    + wanted: images that the host is to get
    + images: those that it has
    """
    known = {image[:height] for image in images for height in range(1, len(image) + 1)}
    there: set[str] = set()
    new: set[str] = set()
    for image in wanted:
        for height, layer in enumerate(image, start=1):
            (there if image[:height] in known else new).add(layer)
    return frozenset(there - new)


def nearest(groups: Sequence[str], sources: Mapping[str, Sequence[str]]) -> list[str]:
    """Sources in the order in which to ask them: those that share most groups first.

    + groups: the asking host's
    + sources: host → its groups
    """
    return sorted(sources, key=lambda name: -len(set(groups) & set(sources[name])))
