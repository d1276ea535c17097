"""The file of pinned base images, on this machine."""

from pathlib import Path

from stack.errors import DrydockError
from stack.release.pins import read_pins


def pins_in(path: str) -> dict[str, str]:
    """What a file of pins says; nothing where there is none. DrydockError if it can't be read."""
    try:
        return read_pins(Path(path).read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise DrydockError(f"images_lock = {path!r} can't be read here: {error}") from error
