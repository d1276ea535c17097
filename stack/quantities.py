"""Memory sizes and core lists, as they are written in data and shown to people."""

import re
from decimal import Decimal

UNITS = {
    "B": 1,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}
MIB = UNITS["MiB"]
_SIZE = re.compile(r"\s*(?P<number>[+-]?[0-9]*\.?[0-9]+)\s*(?P<unit>[A-Za-z]*)\s*", re.ASCII)
_RANGE = re.compile(r"(?P<first>[0-9]{1,4})(?:-(?P<last>[0-9]{1,4}))?", re.ASCII)


def memory_bytes(value: str | int) -> int:
    """Read a memory size such as "2 GiB" or a number of bytes; ValueError says what is wrong."""
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        match = _SIZE.fullmatch(value) if isinstance(value, str) else None
        if not match:
            raise ValueError(f"{value!r} is no memory size: write it like '2 GiB'")
        if match["unit"] not in UNITS:
            raise ValueError(f"{value!r} has no unit known here: write one of {', '.join(UNITS)}")
        size = int(Decimal(match["number"]) * UNITS[match["unit"]])
    if size <= 0:
        raise ValueError(f"memory must be more than zero, not {value!r}")
    return size


def show_memory(size_bytes: int) -> str:
    """Write a memory size for people: "2 GiB", "512 MiB", "819.2 MiB"."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size_bytes >= UNITS[unit]:
            return f"{size_bytes / UNITS[unit]:.2f}".rstrip("0").rstrip(".") + f" {unit}"
    return f"{size_bytes} B"


def cores_of(cpuset: str) -> tuple[int, ...]:
    """Read a cpuset such as "4-6,8" as sorted core numbers; ValueError says what is wrong."""
    if not cpuset.strip():
        raise ValueError("an empty cpuset: leave it out, or write for example '4-6,8'")
    cores: set[int] = set()
    for part in cpuset.split(","):
        match = _RANGE.fullmatch(part.strip())
        if not match:
            raise ValueError(f"{cpuset!r} is no cpuset: write core numbers, for example '4-6,8'")
        first, last = int(match["first"]), int(match["last"] or match["first"])
        if last < first:
            raise ValueError(f"{cpuset!r} runs backwards: write '{last}-{first}'")
        cores.update(range(first, last + 1))
    return tuple(sorted(cores))


def show_cores(cores: tuple[int, ...]) -> str:
    """Write core numbers as the shortest cpuset: (4, 5, 6, 8) becomes "4-6,8"."""
    runs: list[list[int]] = []
    for core in sorted(cores):
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def count(number: int, noun: str) -> str:
    """Write a count for people: "1 core", "3 cores"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
