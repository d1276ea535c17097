"""Base images pinned by digest: what the file `images.lock` says."""

import json
import re
from collections.abc import Mapping

from stack.errors import DrydockError
from stack.model import Stack
from stack.release.images import upstream_references

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def read_pins(text: str, path: str) -> dict[str, str]:
    """Image → digest; DrydockError names the file where it is no such thing."""
    try:
        pins = json.loads(text)
    except json.JSONDecodeError as error:
        raise DrydockError(f"{path}: not valid JSON: {error}; {_REMEDY}") from error
    if not isinstance(pins, dict):
        raise DrydockError(f"{path}: must be an object of images and digests; {_REMEDY}")
    for reference, digest in pins.items():
        if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            raise DrydockError(f"{path}: {reference} = {digest!r} is no digest; {_REMEDY}")
    return pins


def write_pins(pins: Mapping[str, str]) -> str:
    """The file's text, the same for the same pins."""
    return json.dumps(dict(pins), indent=1, sort_keys=True) + "\n"


def unpinned(stack: Stack, pins: Mapping[str, str]) -> tuple[str, ...]:
    """Upstream images of a stack that its registry may change under it."""
    return tuple(it for it in upstream_references(stack) if it not in pins and "@" not in it)


def not_pinned(references: tuple[str, ...], path: str) -> str:
    """What to tell of images that aren't pinned."""
    return (
        f"{', '.join(references)}: not pinned in {path}, so taken as the registry has them now;"
        " pin.py pins them"
    )


_REMEDY = "write it anew with pin.py"
