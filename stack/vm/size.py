"""The size of the VM that Docker runs in: what is wished, what a Mac can give, what it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stack.changes.change import Change
from stack.errors import DrydockError
from stack.model import Chip, Daemon, Finding
from stack.quantities import MIB, UNITS, count, show_memory
from stack.settings import Settings

NAMES = {"docker-desktop": "Docker Desktop", "orbstack": "OrbStack", "colima": "Colima"}
"""Runtimes whose VM Drydock can resize."""
GIB = UNITS["GiB"]
KERNEL_KEEPS = 0.045
"""So much of a VM's memory its kernel keeps: of 8 GiB Docker Desktop's daemon sees 7.65, of 2 GiB
Colima's 1.91."""
MOST_KERNEL_KEEPS = 0.1
"""A VM has its size while the difference is no larger than this."""


@dataclass(frozen=True)
class Size:
    """CPUs and memory of a VM; None is what is not said."""

    cpus: int | None = None
    memory_bytes: int | None = None

    def __bool__(self) -> bool:
        return self.cpus is not None or self.memory_bytes is not None

    def __str__(self) -> str:
        cpus = [] if self.cpus is None else [count(self.cpus, "CPU")]
        memory = [] if self.memory_bytes is None else [show_memory(self.memory_bytes)]
        return ", ".join([*cpus, *memory])

    def is_of(self, daemon: Daemon) -> bool:
        """Whether a daemon has this size, measured: its kernel keeps some of the memory."""
        if self.cpus not in (None, daemon.cpus):
            return False
        wished = self.memory_bytes
        return wished is None or (1 - MOST_KERNEL_KEEPS) * wished <= daemon.memory_bytes <= wished

    def expected_of(self, daemon: Daemon) -> Daemon:
        """A daemon as it is likely to be with this size of its VM."""
        seen = None if self.memory_bytes is None else int(self.memory_bytes * (1 - KERNEL_KEEPS))
        said = {"cpus": self.cpus, "memory_bytes": seen}
        return daemon.model_copy(update={key: it for key, it in said.items() if it is not None})


def wished(settings: Settings) -> Size:
    """What a host's data says of the VM."""
    return Size(settings.vm_cpus, settings.vm_memory)


def largest_daemon(chip: Chip) -> Daemon:
    """What a Mac can give: all cores, and the memory without 4 GiB, or an eighth, for macOS."""
    kept = max(4 * GIB, chip.memory_bytes // 8)
    cores = sum(level.cores for level in chip.levels)
    return Daemon(cpus=cores, memory_bytes=max(chip.memory_bytes - kept, 1))


def refuse_size(size: Size, chip: Chip, runtime: str) -> None:
    """Refuse a size that the Mac can't give, or the runtime can't take: DrydockError says why."""
    if runtime not in NAMES:
        raise DrydockError(
            f"vm_cpus, vm_memory: Drydock sets the size of {', '.join(NAMES.values())} alone, and"
            f" this host's daemon is another ({runtime}): set it there by hand, and drop the keys"
        )
    most = largest_daemon(chip)
    if size.cpus is not None and size.cpus > most.cpus:
        raise DrydockError(
            f"vm_cpus = {size.cpus}: {chip.name} has {count(most.cpus, 'core')};"
            f" recommended: {most.cpus}"
        )
    if size.memory_bytes is None:
        return
    if size.memory_bytes > most.memory_bytes:
        left = chip.memory_bytes - size.memory_bytes
        leaves = f"leaves macOS {show_memory(left)}" if left > 0 else "is all that there is"
        needs = show_memory(chip.memory_bytes - most.memory_bytes)
        recommended = most.memory_bytes // GIB * GIB or most.memory_bytes
        raise DrydockError(
            f"vm_memory = {show_memory(size.memory_bytes)}: of this Mac's"
            f" {show_memory(chip.memory_bytes)} that {leaves}, and it needs {needs};"
            f" recommended: {show_memory(recommended)}, which is the most"
        )
    unit = GIB if runtime == "colima" else MIB
    if size.memory_bytes % unit:
        raise DrydockError(
            f"vm_memory = {show_memory(size.memory_bytes)}: {NAMES[runtime]} takes whole"
            f" {show_memory(unit)[2:]} only"
        )


def changes_to(
    size: Size, kept: Size, daemon: Daemon, runtime: str, running: int
) -> Iterator[Change]:
    """What is to change for a VM to have a size.

    + kept: what the runtime keeps of it; where it says nothing, what the daemon has counts
    + running: containers that the restart stops
    """
    stops = f"{count(running, 'container')} stop" + ("s" if running == 1 else "")
    consequence = f"{NAMES.get(runtime, runtime)} restarts, {stops} until it is up again"
    rows: tuple[tuple[str, int | None, int | None, int, Size, Callable[[int], str]], ...] = (
        ("CPUs", size.cpus, kept.cpus, daemon.cpus, Size(size.cpus), str),
        (
            "memory", size.memory_bytes, kept.memory_bytes, daemon.memory_bytes,
            Size(None, size.memory_bytes), show_memory,
        ),
    )  # fmt: skip
    for name, wanted, said, found, alone, show in rows:
        if wanted is None or (alone.is_of(daemon) and said in (None, wanted)):
            continue
        # Settings may say it already, of a VM that was not restarted since.
        former = found if said in (None, wanted) else said
        yield Change("resize", "VM", name, show(former), show(wanted), reason=consequence)


def findings_of(settings: Settings, daemon: Daemon) -> tuple[Finding, ...]:
    """One where the VM has another size than a host's data says."""
    size = wished(settings)
    if size.is_of(daemon):
        return ()
    has = Size(daemon.cpus, daemon.memory_bytes)
    message = (
        f"Docker's VM has {has}, and the host's data says {size}:"
        " `pyinfra inventory.py vm.py --dry` shows what a resize takes"
    )
    return (Finding(code="vm_size", severity="warning", message=message),)
