"""What a Docker runtime says of its VM's size, and the program that changes it."""

import json
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from shlex import quote

from pyinfra.api.facts import FactBase

from facts.shell import script
from stack.quantities import MIB
from stack.vm.size import Size


@dataclass(frozen=True)
class VmInfo:
    """The program that changes a VM's size, and what it says of it or where it keeps it.

    `program` is Colima's, OrbStack's or Homebrew's path; of Docker Desktop the Docker CLI's, if
    that has the command `docker desktop`. Docker Desktop keeps the size in `file`, which may be a
    link; the others tell it in lines.
    """

    program: str = ""
    file: str = ""
    is_link: bool = False
    said: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """For pyinfra's own JSON output."""
        return asdict(self)

    def size_of_colima(self, docker_socket: str) -> Size:
        """What `colima list --json` says of the profile that a socket belongs to.

        A line for each: {"name": "default", "cpus": 2, "memory": 2147483648, …}, memory in bytes.
        """
        profile = PurePosixPath(docker_socket).parent.name
        for line in self.said:
            found = _object(line)
            if found.get("name") == profile:
                return Size(_number(found.get("cpus")), _number(found.get("memory")))
        return Size()

    @property
    def size_of_orbstack(self) -> Size:
        """What `orb config get cpu` and `memory_mib` say."""
        values = dict(line.partition(": ")[::2] for line in self.said)
        cpus, memory_mib = (
            int(it) if it.isdecimal() and int(it) else None
            for it in (values.get("cpu", ""), values.get("memory_mib", ""))
        )
        return Size(cpus, None if memory_mib is None else memory_mib * MIB)


class Vm(FactBase[VmInfo]):
    """A runtime's program, and what it says of its VM's size.

    + runtime: docker-desktop, colima, orbstack; or none, for Homebrew
    + docker_cli: absolute path of the Docker CLI
    + docker_socket: the daemon's
    """

    def command(self, runtime: str, docker_cli: str = "", docker_socket: str = "") -> str:
        """One script."""
        return script("vm", *(quote(it) for it in (runtime, docker_cli, docker_socket)))

    @staticmethod
    def default() -> VmInfo:
        """Nothing was found."""
        return VmInfo()

    def process(self, output: list[str]) -> VmInfo:
        """Read the tab-separated lines."""
        pairs = [line.partition("\t")[::2] for line in output]
        values = dict(pairs)
        return VmInfo(
            program=values.get("program", ""),
            file=values.get("file", "") or values.get("link", ""),
            is_link="link" in values,
            said=tuple(rest for kind, rest in pairs if kind == "said"),
        )


def _object(line: str) -> dict[str, object]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None
