"""Directories that are made once, named by the content that defines them, and never half made."""

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.process import say


def digest(parts: Iterable[str | bytes | Path]) -> str:
    """12 hex digits over texts and files; a directory counts with every file's path and mode."""
    total = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            total.update(len(piece).to_bytes(8, "big") + piece)
    return total.hexdigest()[:12]


def _pieces(part: str | bytes | Path) -> Iterator[bytes]:
    if isinstance(part, str):
        yield part.encode()
    elif isinstance(part, bytes):
        yield part
    elif part.is_dir():
        for path in sorted(path for path in part.rglob("*") if path.is_file()):
            yield str(path.relative_to(part)).encode()
            yield oct(path.stat().st_mode & 0o111).encode()
            yield path.read_bytes()
    else:
        yield part.read_bytes()


def made_once(target: Path, make: Callable[[Path], None]) -> Path:
    """`target`, made by `make` in a directory beside it that gets its name only when complete."""
    if target.is_dir():
        return target
    partial = target.with_name(f"{target.name}.partial")
    if partial.exists():
        say(f"Removing {partial}, left by a run that was stopped")
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    make(partial)
    partial.rename(target)
    return target


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold `file` for one process; the kernel lets go of it however that process ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another run of the lab ({file})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
