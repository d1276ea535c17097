"""Show a map to people."""

import textwrap
from collections.abc import Iterable, Sequence

from stack.model import Chip, Daemon, Finding, Map, Stack
from stack.planner.findings import core_loads
from stack.quantities import count, show_memory

BAR_CELLS_PER_CPU = 4
WIDTH = 100


def show_plan(stack: Stack, plan: Map, chip: Chip, daemon: Daemon) -> str:
    """Write a map with its chip, daemon, core loads and findings as text for a terminal."""
    sections = [
        _host(chip, daemon),
        table(
            ("service", "phase", "cores", "CPUs", "limit", "reservation"),
            [
                (
                    name,
                    stack.services[name].phase,
                    allocation.cpuset or "any",
                    f"{allocation.cpus:g}",
                    show_memory(allocation.memory_bytes),
                    show_memory(allocation.reservation_bytes),
                )
                for name, allocation in plan.services.items()
            ],
            right=(3, 4, 5),
        ),
        _loads(plan, daemon),
        "\n".join(_finding(found) for found in plan.findings),
    ]
    return "\n\n".join(section for section in sections if section)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Align cells in columns; `right` are the columns of numbers."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _host(chip: Chip, daemon: Daemon) -> str:
    levels = " + ".join(f"{level.cores} {level.name}" for level in chip.levels)
    virtual = ", a virtual machine" if chip.virtual else ""
    return (
        f"chip    {chip.name}: {levels} cores, {show_memory(chip.memory_bytes)}{virtual}\n"
        f"daemon  {count(daemon.cpus, 'CPU')}, {show_memory(daemon.memory_bytes)}, "
        f"{daemon.architecture}\n"
        f"tag     {chip.tag}"
    )


def _loads(plan: Map, daemon: Daemon) -> str:
    loads = core_loads(plan.services, daemon.cpus)
    if not any(loads):
        return ""
    bars = [
        f"core {core:>2}  {load:5.2f}  {'█' * round(load * BAR_CELLS_PER_CPU)}".rstrip()
        for core, load in enumerate(loads)
    ]
    return "\n".join(["CPUs on each core, of services with a cpuset", *bars])


def _finding(found: Finding) -> str:
    return textwrap.fill(f"{found.severity:8}{found.message}", WIDTH, subsequent_indent=" " * 8)
