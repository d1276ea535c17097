"""One release for all hosts of a run that get the same.

Rendering Nautilus reads some hundred files and keeps 1.6 MB: with many Macs of a kind that is most
of what planning one of them takes.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.model import Map, Stack
from stack.release.render import Release, render_release
from stack.settings import Settings

KEPT = 8
"""So many different ones are held, the latest: hosts of a chip group are usually beside each other
in an inventory, and what is no longer held is rendered again."""


@dataclass(frozen=True)
class Order:
    """All that decides what a release is, but the project's files: see `render_release`."""

    stack: Stack
    core_map: Map
    tag: str
    architecture: str
    settings: Settings
    upstream_digests: Mapping[str, str]
    secrets_directory: str
    project: Path
    monitored: bool = True


_rendered: deque[tuple[Order, Release]] = deque(maxlen=KEPT)


def release_for(order: Order) -> Release:
    """The release, rendered now or for an equal order before; then with the files of that time.

    DrydockError where a template or a file is at fault.
    """
    for known, release in _rendered:
        if known == order:
            return release
    release = render_release(**vars(order))
    _rendered.append((order, release))
    return release
