"""Thermal pressure of a Mac, and what the monitor takes from services because of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from stack.changes.observed import Observed
from stack.model import Finding, Stack

LEVELS = ("nominal", "moderate", "heavy", "trapping", "sleeping")
HEAVY = 2
"""From this level on builds and starts wait, and services of the throughput class are capped."""
SAME_CPUS = 0.005
CAPPED = "capped"
"""Code of the finding."""


@dataclass(frozen=True)
class Cap:
    """CPUs that the monitor took from a service at heavy pressure."""

    cpus: float
    """Of the map; what the service has again when the Mac has cooled down."""
    capped_cpus: float
    since: str
    """ISO 8601, UTC."""


def in_words(level: int) -> str:
    """A level as people say it; a key that nobody ever set is 0 as well."""
    return "none reported (0)" if level == 0 else f"{LEVELS[level]} ({level})"


def read_caps(lines: Iterable[str]) -> dict[str, Cap]:
    """Caps by service, from the monitor's file: service, CPUs, capped CPUs, since; with tabs.

    A line that isn't one of these caps nothing: then a service that is capped counts as changed.
    """
    caps = {}
    for line in lines:
        service, *values = line.split("\t")
        try:
            cpus, capped_cpus, since = values
            caps[service] = Cap(float(cpus), float(capped_cpus), since)
        except ValueError:
            continue
    return caps


def capped(stack: Stack, observed: Observed, caps: Mapping[str, Cap]) -> dict[str, Cap]:
    """The caps that hold: of services whose container has those CPUs."""
    return {
        service: cap
        for service, cap in caps.items()
        if service in stack.services
        and (found := observed.containers.get(stack.container_name(service)))
        and abs(found.resources.cpus - cap.capped_cpus) < SAME_CPUS
    }


def uncapped(stack: Stack, observed: Observed, caps: Mapping[str, Cap]) -> Observed:
    """What a host has as it would be without heat, so that a cap is no difference from the map."""
    containers = dict(observed.containers)
    for service, cap in capped(stack, observed, caps).items():
        name = stack.container_name(service)
        resources = containers[name].resources.model_copy(update={"cpus": cap.cpus})
        containers[name] = replace(containers[name], resources=resources)
    return replace(observed, containers=containers)


def findings_of(caps: Mapping[str, Cap]) -> tuple[Finding, ...]:
    """One for each service that is capped."""
    return tuple(
        Finding(
            code=CAPPED,
            severity="info",
            service=service,
            message=(
                f"{service}: capped at {cap.capped_cpus:g} of {cap.cpus:g} CPUs for heat since"
                f" {cap.since}; the monitor lifts it when the Mac has cooled down"
            ),
        )
        for service, cap in caps.items()
    )
