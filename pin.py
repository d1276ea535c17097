"""Pin base images to what their registries serve now: `pyinfra inventory.py pin.py -y`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.detect import inputs_of, locate
from facts.pins import pins_in
from facts.upstream import registry_digests
from operations import pins
from operations.refusal import fails_alone
from stack.release.images import upstream_references


@fails_alone
def main(host: Host) -> None:
    """Ask for the digest of every base image, say what differs, and write the file of pins."""
    inputs = inputs_of(host)
    settings = inputs.settings
    located = locate(host, settings, inputs.stack.name, lambda _: None)
    references = [it for it in upstream_references(inputs.stack) if "@" not in it]
    found = registry_digests(host, located, settings, references)
    former = pins_in(settings.images_lock)
    for reference, digest in found.items():
        if former.get(reference) != digest:
            host.log(f"  {reference}: {former.get(reference, 'not pinned')} → {digest}")
    if found.items() <= former.items():
        host.log(f"no changes: {len(found)} images are what {settings.images_lock} says")
    pins.pin(path=settings.images_lock, pins=found, name=f"Pin images in {settings.images_lock}")


main()
