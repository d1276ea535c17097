"""Who listens on a host's TCP ports."""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from ipaddress import ip_address

from pyinfra.api.facts import FactBase

from facts.shell import script

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Listener:
    """A program that listens; `unknown`, with no pid, where only root could see it.

    `address` is the one it is bound to, `*` for all of them.
    """

    port: int
    address: str
    program: str = UNKNOWN
    pid: int | None = None

    def to_json(self) -> dict[str, object]:
        """For pyinfra's own JSON output."""
        return asdict(self)


class Listeners(FactBase[tuple[Listener, ...]]):
    """Listeners on the given TCP ports, by port and address.

    + ports: the ports asked for
    """

    def command(self, ports: Iterable[int]) -> str:
        """One script; the tables carry every port, so the wanted ones are said first."""
        wanted = ",".join(str(int(port)) for port in sorted(ports))
        return f"echo ports {wanted}\n" + script("ports", ports=wanted)

    @staticmethod
    def default() -> tuple[Listener, ...]:
        """Nobody listens."""
        return ()

    def process(self, output: list[str]) -> tuple[Listener, ...]:
        """Merge the sources; a program's name wins over `unknown`."""
        wanted = {int(port) for port in output[0].removeprefix("ports ").split(",") if port}
        found: dict[tuple[int, str], Listener] = {}
        for source, lines in _sections(output[1:]):
            for listener in _READERS[source](lines):
                key = (listener.port, listener.address)
                if listener.port in wanted and (key not in found or found[key].pid is None):
                    found[key] = listener
        return tuple(found[key] for key in sorted(found))


def _sections(output: list[str]) -> Iterator[tuple[str, list[str]]]:
    starts = [index for index, line in enumerate(output) if line in _READERS]
    for start, end in zip(starts, [*starts[1:], len(output)], strict=True):
        yield output[start], output[start + 1 : end]


def _from_lsof(lines: list[str]) -> Iterator[Listener]:
    pid, program = None, UNKNOWN
    for line in lines:
        kind, value = line[:1], line[1:]
        if kind == "p":
            pid = int(value)
        elif kind == "c":
            program = value
        elif kind == "n":
            address, port = _endpoint(value)
            yield Listener(port, address, program, pid)


def _from_ss(lines: list[str]) -> Iterator[Listener]:
    for line in lines:
        address, port = _endpoint(line.split()[3])
        user = re.search(r'users:\(\("(?P<program>.*?)",pid=(?P<pid>\d+)', line)
        if user is None:
            yield Listener(port, address)
        else:
            yield Listener(port, address, user["program"], int(user["pid"]))


def _from_netstat(lines: list[str]) -> Iterator[Listener]:
    for line in lines:
        if line.startswith("tcp") and "LISTEN" in line:
            address, _, port = line.split()[3].rpartition(".")
            yield Listener(int(port), _any(address))


def _from_proc(lines: list[str]) -> Iterator[Listener]:
    for line in lines:
        fields = line.split()
        if fields[3] == "0A":
            address, _, port = fields[1].partition(":")
            yield Listener(int(port, 16), _any(_kernel_address(address)))


def _kernel_address(text: str) -> str:
    # The kernel prints an address as 32-bit words in the machine's order; ours are little-endian.
    words = struct.unpack(f">{len(text) // 8}I", bytes.fromhex(text))
    return str(ip_address(struct.pack(f"<{len(words)}I", *words)))


def _endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return _any(address.strip("[]").partition("%")[0]), int(port)


def _any(address: str) -> str:
    return "*" if address in {"0.0.0.0", "::"} else address  # noqa: S104


_READERS = {
    "lsof": _from_lsof,
    "ss": _from_ss,
    "proc": _from_proc,
    "netstat": _from_netstat,
}
