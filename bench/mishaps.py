"""What befalls a run in its middle, and how often of each 25 times."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from bench.command import BenchError
from lab.faults import Faults

PATIENCE_S = 180
SPARE_BYTES = 16 << 20
ROOM = "512 KiB"
"""What the small disk must have free: it is of memory, and soon full."""
OUT_OF_MEMORY = "nginx"

Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Place:
    """Where it happens."""

    faults: Faults
    directory: str
    """Of all stacks on the host."""
    containers: dict[str, str]
    """Service → container."""


@dataclass(frozen=True)
class Mishap:
    """One kind: what is prepared before the run begins, and then happens to it."""

    times: int
    prepared: Callable[[Place], AbstractContextManager[Callable[[Process], None]]]
    clock: str | None = None
    """How far this machine's clock is off, of this run alone."""


def ends(process: Process, within_s: float) -> bool:
    """Whether a run ends by itself within so many seconds, which are waited for."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    return True


def _at_once(times: int, happens: Callable[[Process, Place], None]) -> Mishap:
    """What needs no preparing."""

    @contextmanager
    def prepared(place: Place) -> Iterator[Callable[[Process], None]]:
        yield lambda process: happens(process, place)

    return Mishap(times, prepared)


def _clock(ahead: str) -> Mishap:
    """Killed while this machine's clock is off: the next run has the right time."""
    return Mishap(1, _at_once(1, lambda process, _: process.kill()).prepared, ahead)


@contextmanager
def _small_disk(place: Place) -> Iterator[Callable[[Process], None]]:
    with place.faults.on_a_small_disk(place.directory, SPARE_BYTES) as disk:

        def fills_up(process: Process) -> None:
            with disk.full():
                ends(process, PATIENCE_S)

        yield fills_up


def _without_network(process: Process, place: Place) -> None:
    with place.faults.without_network():
        ends(process, PATIENCE_S)


def _without_registry(process: Process, place: Place) -> None:
    with place.faults.without_registry():
        ends(process, PATIENCE_S)


MISHAPS = {
    "killed": _at_once(9, lambda process, _: process.kill()),
    "Ctrl-C": _at_once(3, lambda process, _: process.send_signal(signal.SIGINT)),
    "connections cut": _at_once(3, lambda _, place: place.faults.cut_connections()),
    "network gone": _at_once(1, _without_network),
    "registry gone": _at_once(1, _without_registry),
    "daemon restarted": _at_once(1, lambda _, place: place.faults.restart_daemon()),
    "daemon killed": _at_once(1, lambda _, place: place.faults.restart_daemon(signal.SIGKILL)),
    "rebooted": _at_once(2, lambda _, place: place.faults.reboot()),
    "out of memory": _at_once(
        1, lambda _, place: place.faults.out_of_memory(place.containers[OUT_OF_MEMORY])
    ),
    "disk full": Mishap(1, _small_disk),
    "clock an hour ahead": _clock("+1h"),
    "clock an hour behind": _clock("-1h"),
}


def chosen(text: str | None) -> dict[str, int]:
    """Kind → how often it comes in a turn: all, or those listed; BenchError for anything else."""
    kinds = text.split(",") if text else list(MISHAPS)
    if unknown := set(kinds) - MISHAPS.keys():
        raise BenchError(f"{sorted(unknown)[0]!r} is none of {', '.join(MISHAPS)}")
    return {kind: MISHAPS[kind].times for kind in kinds}
