"""What the planner makes of a stack on each recorded chip with each of its memory sizes."""

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from stack.chips import parse_sysctl
from stack.display import table
from stack.errors import DrydockError
from stack.load import Inputs
from stack.model import Chip, Daemon, Map
from stack.planner.capacity import left_out, needed_bytes
from stack.planner.demands import demands_of
from stack.planner.findings import core_loads
from stack.planner.map import plan
from stack.quantities import show_memory
from stack.vm.size import largest_daemon

GIB = 2**30
SIZES = "memory.toml"
HEAD = ("chip", "cores", "memory", "VM", "busiest core", "dedicated", "limits", "map")


@dataclass(frozen=True)
class Outcome:
    """One Mac with the map that it gets, or what its memory is too little for."""

    chip: Chip
    daemon: Daemon
    inputs: Inputs
    map: Map | None
    """None: its working sets don't fit."""

    def row(self) -> tuple[str, ...]:
        """The Mac as a line of the table."""
        levels = " + ".join(f"{level.cores} {level.name}" for level in self.chip.levels)
        memory, of_daemon = show_memory(self.chip.memory_bytes), self.daemon.memory_bytes
        mac = (self.chip.name, levels, memory, show_memory(of_daemon))
        if self.map is None:
            demands = demands_of(self.inputs)
            without = ", ".join(left_out(self.inputs.stack, demands, self.daemon))
            needs = show_memory(needed_bytes(demands))
            return (*mac, "", "", "", f"needs a VM of {needs}; fits without {without}")
        given = self.map.services
        demands = demands_of(self.inputs)
        alone = [f"{name} {given[name].cpuset}" for name, it in demands.items() if it.dedicated]
        shared = {f.service for f in self.map.findings if f.code == "dedicated_impossible"}
        limits = sum(allocation.memory_bytes for allocation in given.values())
        return (
            *mac,
            f"{max(core_loads(given, self.daemon.cpus)):.2f} CPUs",
            ", ".join(it for it in alone if it.split()[0] not in shared) or "none",
            f"{limits / of_daemon:.1f} x VM",
            f"all {len(given)} services",
        )


def outcomes(directory: Path, inputs_of: Callable[[str], Inputs]) -> Iterable[Outcome]:
    """Plan for each chip and memory size that a directory of recordings knows.

    + inputs_of: chip's tag → the stack for it; a map by hand is left out of it
    """
    for chip in recorded(directory):
        daemon = largest_daemon(chip)
        inputs = replace(inputs_of(chip.tag), core_map=None)
        fits = needed_bytes(demands_of(inputs)) <= daemon.memory_bytes
        yield Outcome(chip, daemon, inputs, plan(inputs, chip, daemon) if fits else None)


def recorded(directory: Path) -> Iterable[Chip]:
    """The chips of the recordings that the list of memory sizes names, once for each size."""
    file = directory / SIZES
    try:
        sizes = tomllib.loads(file.read_text(encoding="utf-8"))
        texts = {name: (directory / f"{name}.txt").read_text(encoding="utf-8") for name in sizes}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DrydockError(f"{file}: can't be read: {error}") from error
    for name, text in texts.items():
        for memory_gib in sizes[name]:
            yield parse_sysctl(text).model_copy(update={"memory_bytes": memory_gib * GIB})


def show_every_chip(found: Iterable[Outcome]) -> str:
    """The table for a person."""
    return table(HEAD, [outcome.row() for outcome in found], right=(2, 3, 4, 6))
