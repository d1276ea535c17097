"""In which order services start: phases one after the other, and within one by need."""

from collections.abc import Collection

from stack.model import PHASES, Stack


def startable(stack: Stack, waiting: Collection[str], healthy: Collection[str]) -> tuple[str, ...]:
    """Services that may start now: their needs are healthy, and so is every earlier phase.

    + waiting: services that are still to be started
    + healthy: services that are known to be healthy
    """
    phase = open_phase(stack, healthy)
    return tuple(
        name
        for name, service in stack.services.items()
        if name in waiting
        and PHASES.index(service.phase) <= phase
        and set(service.needs) <= set(healthy)
    )


def open_phase(stack: Stack, healthy: Collection[str]) -> int:
    """Number of the first phase with a service that isn't healthy yet; the last when all are."""
    phases = [PHASES.index(s.phase) for name, s in stack.services.items() if name not in healthy]
    return min(phases, default=len(PHASES) - 1)
