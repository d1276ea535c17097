"""Images from one host to another, through the SSH connections to both: missing layers alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

from docker import APIClient
from docker.errors import DockerException, NotFound
from gevent.lock import BoundedSemaphore
from gevent.pool import Pool
from pyinfra.api.host import Host

from facts.detect import Located
from link.daemon import MAX_CONNECTIONS, daemon
from link.output import output_of
from stack.release.images import LABEL, STACK_LABEL, Image
from stack.rollout.builders import Layers, layers_there

SCRIPT = Path(__file__).with_name("save_images.sh").read_text()
AT_ONCE = 2
"""Transfers from one host at once: sshd allows ten sessions a connection, and each is a save."""
NOTHING = "no-such-path"
CONTAINERD = "io.containerd.snapshotter.v1"

_sending: "WeakKeyDictionary[Host, BoundedSemaphore]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Source:
    """A host that may have images which another one lacks."""

    host: Host
    located: Located

    @property
    def api(self) -> APIClient:
        """Its daemon."""
        return daemon(self.host, self.located.runtime)


@dataclass(frozen=True)
class Moved:
    """What one transfer brought, as it was measured."""

    names: tuple[str, ...]
    """Images that are now on the host, each as it is on its source."""
    sent_bytes: int | None
    """None: nobody here could count them."""
    layers: int
    """Layers of these images."""
    there: int
    """Those of them that the host had before."""

    @property
    def words(self) -> str:
        """101.2 MB moved, 3 of 9 layers were there."""
        moved = "" if self.sent_bytes is None else f"{self.sent_bytes / 1e6:.1f} MB moved, "
        return f"{moved}{self.there} of {self.layers} layers were there"


def move(host: Host, located: Located, source: Source, images: Mapping[str, Image]) -> Moved | None:
    """Bring those of the images to a host that a source has; None when it has none of them.

    Each is compared with the source's afterwards: one that differs is removed again. An error
    of operations/refusal.py's LOST where either host is lost, or the daemon refuses the archive.
    """
    api = daemon(host, located.runtime)
    stack = next(iter(images.values())).stack
    had = _by_digest(source.api, stack)
    wanted = {name: had[image.digest] for name, image in images.items() if image.digest in had}
    if not wanted:
        return None
    found = [_inspect(source.api, identity) for identity in dict.fromkeys(wanted.values())]
    layers = [_layers(each) for each in found]
    there = _there(api, layers)
    words = _words(source, images, wanted, there)
    sent_bytes = 0

    def counted() -> Iterator[bytes]:
        nonlocal sent_bytes
        for data in output_of(source.host.connector, words):
            sent_bytes += len(data)
            yield data

    with _sending.setdefault(source.host, BoundedSemaphore(AT_ONCE)):
        for line in api.load_image(counted()):  # type: ignore[no-untyped-call]
            # The SDK lets an answer pass that isn't 200: its only line is then a message.
            if said := line.get("error") or line.get("message"):
                raise DockerException(said)
    sources = {each["Id"]: each for each in found}
    came = _same(api, stack, {images[it].digest: sources[wanted[it]] for it in wanted})
    names = tuple(name for name in wanted if images[name].digest in came)
    for name in names:
        tag_as_its_own(api, came[images[name].digest], images[name])
    every = {layer for image in layers for layer in image}
    return Moved(names, sent_bytes, len(every), len(there))


def _by_digest(api: APIClient, stack: str) -> dict[str, str]:
    """Digest of the content → id, of the stack's images on a host."""
    listed = api.images(filters={"label": f"{STACK_LABEL}={stack}"})
    labels = {it["Id"]: it.get("Labels") or {} for it in listed}
    return {its[LABEL]: identity for identity, its in labels.items() if LABEL in its}


def _inspect(api: APIClient, identity: str) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], api.inspect_image(identity))  # type: ignore[no-untyped-call]


def _layers(inspected: Mapping[str, Any]) -> Layers:
    return tuple(inspected["RootFS"].get("Layers") or ())


def _there(api: APIClient, wanted: list[Layers]) -> frozenset[str]:
    # containerd's store keeps layers as they were compressed, and needs all that an archive names.
    if CONTAINERD in str(api.info().get("DriverStatus")):
        return frozenset()

    def layers_of(identity: str) -> Layers:
        try:
            return _layers(_inspect(api, identity))
        except NotFound:
            return ()  # Removed since it was listed.

    listed = [it["Id"] for it in api.images()]
    return layers_there(wanted, Pool(MAX_CONNECTIONS).map(layers_of, listed))


def _words(
    source: Source, images: Mapping[str, Image], wanted: Mapping[str, str], there: frozenset[str]
) -> list[str]:
    located = source.located
    environment = [f"{key}={value}" for key, value in located.docker_environment.items()]
    # tar takes an empty line for a path, too.
    without = (
        "\n".join(sorted(f"blobs/sha256/{each.removeprefix('sha256:')}" for each in there))
        or NOTHING
    )
    save = ("sh", "-c", SCRIPT, "drydock-save", located.directory, located.runtime.docker_cli)
    names = dict.fromkeys(images[name].pinned_reference for name in wanted)
    return ["env", *environment, *save, without, *names]


def _same(api: APIClient, stack: str, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Digest of the content → id, of images that came as they are on the source.

    + wanted: digest of the content → what the source's daemon says of the image
    """
    came = {digest: it for digest, it in _by_digest(api, stack).items() if digest in wanted}
    for digest, identity in list(came.items()):
        if _content(_inspect(api, identity)) != _content(wanted[digest]):
            api.remove_image(identity, force=True)
            del came[digest]
    return came


def _content(inspected: Mapping[str, Any]) -> tuple[object, ...]:
    keys = ("RootFS", "Config", "Architecture", "Os")
    return tuple(inspected.get(key) for key in keys)


def tag_as_its_own(api: APIClient, identity: str, image: Image) -> None:
    """Give an image the names by which its release knows it."""
    for reference in (image.reference, image.pinned_reference):
        repository, _, tag = reference.rpartition(":")
        api.tag(identity, repository, tag)
