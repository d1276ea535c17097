"""A map of cores and memory that was written by hand, as data."""

from pydantic import Field

from stack.fields import Cpus, Cpuset, Data, MemoryBytes, Name


class MapEntry(Data):
    """What a core map says of one service."""

    cpus: Cpus
    memory: MemoryBytes
    reservation: MemoryBytes | None = None
    cpuset: Cpuset | None = None
    dedicated: bool = False


class CoreMap(Data):
    """A map written by hand for one machine, kept verbatim where the daemon can carry it."""

    cpus: int = Field(ge=1)
    """CPUs of the daemon that it is written for."""
    services: dict[Name, MapEntry]
