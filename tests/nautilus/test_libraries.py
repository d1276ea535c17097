"""What the platform's libraries ask of the system that loads them."""

import struct
import sys
import sysconfig
from pathlib import Path

import pytest

STACK = 0x6474E551
EXECUTABLE = 1


def asks_for_executable_stack(head: bytes) -> bool:
    """Whether the program headers of a 64-bit ELF file say so."""
    (offset,) = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    segments = (struct.unpack_from("<II", head, offset + i * size) for i in range(count))
    return any(kind == STACK and flags & EXECUTABLE for kind, flags in segments)


@pytest.mark.skipif(sys.platform != "linux", reason="ELF files are Linux'")
def test_no_library_asks_for_an_executable_stack() -> None:
    # glibc 2.41, that of the images, refuses to load one that does.
    found = sorted(Path(sysconfig.get_path("platlib")).rglob("*.so"))
    assert len(found) > 100
    asking = []
    for library in found:
        with library.open("rb") as file:
            if asks_for_executable_stack(file.read(4096)):
                asking.append(library.name)
    assert asking == []
