"""In which order services start: phases one after the other, and within one by need."""

from collections.abc import Collection, Iterator, Mapping

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


def needs_of(stack: Stack, service: str) -> frozenset[str]:
    """All that a service needs, and what that needs in turn."""
    found: set[str] = set()
    left = [*stack.services[service].needs]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += stack.services[name].needs
    return frozenset(found)


def turns(stack: Stack, group: Collection[str], routers: Mapping[str, str]) -> Iterator[set[str]]:
    """Services of one phase, in the turns in which they begin.

    + group: those that are to be started or replaced
    + routers: service that has a stand-in → who leads requests to it meanwhile

    Who leads requests to a stand-in stays until that has gone, and so does what needs it.
    """
    left = set(group)
    while left:
        leading = {routers[it] for it in left if it in routers} & left
        later = {it for it in left if it in leading or needs_of(stack, it) & leading}
        if later == left:
            later = set()  # They lead requests to each other.
        yield left - later
        left = later
