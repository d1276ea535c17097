"""Content digests: the names of releases, images and services."""

import hashlib
import json

SHORT = 12


def of_bytes(content: bytes) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def of_data(data: object) -> str:
    """SHA-256 of plain data, the same for equal data whatever the order of its keys."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return of_bytes(text.encode())


def of_files(files: dict[str, bytes]) -> str:
    """SHA-256 of a set of files: their paths and contents, nothing else."""
    return of_data({path: of_bytes(content) for path, content in files.items()})
