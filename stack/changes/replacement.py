"""How each changed service is replaced: beside the running one, or with an interruption."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stack.changes.change import Changes
from stack.changes.observed import Observed, ObservedContainer
from stack.changes.order import needs_of
from stack.model import PHASES, Stack
from stack.quantities import show_memory
from stack.release.containers import ROUTES_LABEL, routes_label
from stack.release.render import Release
from stack.routing import router_of


@dataclass(frozen=True)
class Replacement:
    """What happens to requests while one service's container is replaced."""

    service: str
    router: str | None
    """Who leads requests to a stand-in meanwhile; None: there is none."""
    why_interrupted: str | None
    """Why there is no stand-in."""
    address: str | None
    """Where its own port is published, which two containers can't hold."""
    expected_s: float | None
    """How long it took to become healthy the last time; None: not measured yet."""

    @property
    def sentence(self) -> str:
        """For the plan, before anything changes."""
        if self.expected_s is None:
            gap = "an interruption as long as it takes to become healthy, not measured yet"
        else:
            gap = f"about {max(1, round(self.expected_s))} s of interruption"
        if self.router is None:
            return f"{self.service}: replaced with {gap}: {self.why_interrupted}"
        words = f"{self.service}: replaced beside the running one, {self.router} leads requests"
        return f"{words}; {self.address} itself with {gap}" if self.address else words


def routers(made: Iterable[Replacement]) -> dict[str, str]:
    """Service → who leads its requests to a stand-in, of those that have one."""
    return {it.service: it.router for it in made if it.router}


def replacements(
    release: Release,
    observed: Observed,
    changes: Changes,
    memory_bytes: int,
    seconds_to_healthy: Mapping[str, float],
) -> tuple[Replacement, ...]:
    """How each service whose container is made anew is replaced, of those that run now.

    + memory_bytes: what the daemon has; both containers of a service must fit
    + seconds_to_healthy: service → what was measured the last time
    """
    stack = release.stack
    running = {
        service: found
        for service in changes.subjects("recreate")
        if service in release.containers
        and (found := observed.containers.get(stack.container_name(service)))
        and found.running
    }
    free = memory_bytes - sum(it.reservation_bytes for it in release.map.services.values())
    # Stand-ins of a phase run at once, and are gone before the next phase begins.
    left = dict.fromkeys(PHASES, free)
    made: list[Replacement] = []
    for service, found in running.items():
        router = router_of(stack, service)
        needed = release.map.services[service].reservation_bytes
        why = _why_interrupted(release, observed, changes, service, found)
        phase = stack.services[service].phase
        if why is None and needed > left[phase]:
            why = f"memory for both isn't there: {show_memory(needed)} more are promised"
        if why is None:
            left[phase] -= needed
        ports = release.containers[service].ports
        made.append(
            Replacement(
                service=service,
                router=router if why is None else None,
                why_interrupted=why,
                address=ports[0].partition("->")[0] if ports else None,
                expected_s=seconds_to_healthy.get(service),
            )
        )
    return tuple(made)


def _why_interrupted(
    release: Release, observed: Observed, changes: Changes, service: str, found: ObservedContainer
) -> str | None:
    stack = release.stack
    router = router_of(stack, service)
    if stack.services[service].volumes:
        return "it keeps data in volumes, which two containers can't share"
    if router is None:
        return "no service leads requests to it"
    if found.health != "healthy":
        return f"it is {found.health or 'without health'} now"
    led_by = observed.containers.get(stack.container_name(router))
    if led_by is None or not led_by.running or led_by.health != "healthy":
        return f"{router}, which leads requests to it, isn't healthy"
    if router in changes.subjects("recreate"):
        return _why_not_led(stack, service, router, led_by)
    return None


def _why_not_led(stack: Stack, service: str, router: str, led_by: ObservedContainer) -> str | None:
    """Why a router that is replaced itself, before or after, can't lead requests to a stand-in."""
    before, after = (PHASES.index(stack.services[it].phase) for it in (router, service))
    if before < after:
        return None
    if router in needs_of(stack, service):
        return f"{router}, which leads requests to it and which it needs, is replaced too"
    told = led_by.labels.get(ROUTES_LABEL)
    if {ROUTES_LABEL: told} != routes_label(stack.services[router]):
        return f"{router}, which leads requests to it, is replaced by one that does it otherwise"
    return None
