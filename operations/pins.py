"""The file of pinned base images: written from what registries say."""

from collections.abc import Generator, Mapping
from pathlib import Path

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.pins import pins_in
from operations.refusal import refused, step
from stack.release.pins import write_pins

_pinned: dict[tuple[str, str], tuple[str, str]] = {}
"""File and image → digest and host of this run: two hosts may be led to different registries."""


@operation()
def pin(path: str, pins: Mapping[str, str]) -> Generator[PyinfraCommand, None, None]:
    """Write digests into the file of pins, which belongs into version control.

    + path: the file, on this machine
    + pins: image → digest

    Images that other stacks pinned in it stay as they are.
    """
    if pins.items() <= pins_in(path).items():
        return
    yield step(_write, path, dict(pins))


def _write(host: Host, path: str, pins: dict[str, str]) -> bool:
    for reference, digest in pins.items():
        other, name = _pinned.setdefault((path, reference), (digest, host.name))
        if other != digest:
            return refused(
                host,
                f"{reference} is {digest} for this host but {other} for {name}: give each its own"
                " images_lock in its data",
            )
    fresh = Path(f"{path}.new")
    fresh.write_text(write_pins({**pins_in(path), **pins}), encoding="utf-8")
    fresh.replace(path)
    return True
