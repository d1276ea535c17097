"""What must hold between the services of a stack, beyond each being right by itself."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from graphlib import CycleError, TopologicalSorter

from stack.core_map import CoreMap
from stack.model import PHASES, Build, Stack
from stack.origins import Origins, suggest
from stack.quantities import MIB, cores_of, show_cores, show_memory
from stack.routing import check_routes

MINIMUM_MEMORY_BYTES = 6 * MIB
"""The least that the Docker Engine takes as a limit or a reservation."""


def check_stack(stack: Stack, places: Origins) -> list[str]:
    """Say all that is wrong between a stack's services, a sentence each."""
    return [
        *_check_needs(stack, places),
        *_check_cycles(
            "needs", {name: service.needs for name, service in stack.services.items()}, places
        ),
        *_check_unique(
            stack, places, "host_port", lambda name: stack.services[name].published_port
        ),
        *_check_unique(stack, places, "container_name", stack.container_name),
        *_check_bases(stack, places),
        *_check_rotations(stack, places),
        *_check_demands(stack, places),
        *check_routes(stack, places),
    ]


def check_core_map(core_map: CoreMap, services: Collection[str], places: Origins) -> list[str]:
    """Say what a core map gets wrong about its own machine or a stack's services."""
    problems = []
    for name, entry in core_map.services.items():
        where = places.place("core_map", "services", name)
        if name not in services:
            problems.append(f"{where}: unknown service; {suggest(name, services)}")
        if entry.cpus > core_map.cpus:
            problems.append(
                f"{where}.cpus = {entry.cpus:g}: the map is for {core_map.cpus} CPUs; lower it"
            )
        if entry.cpuset and (beyond := _beyond(entry.cpuset, core_map.cpus)):
            problems.append(
                f"{where}.cpuset = {entry.cpuset!r}: no core {beyond} with {core_map.cpus} CPUs; "
                f"write cores of 0-{core_map.cpus - 1}"
            )
        if entry.memory < MINIMUM_MEMORY_BYTES:
            problems.append(f"{where}.memory: {_too_little(entry.memory)}")
        if entry.reservation is not None and entry.reservation > entry.memory:
            problems.append(f"{where}.reservation: is above 'memory', its limit; lower it")
    return problems


def _check_needs(stack: Stack, places: Origins) -> Iterable[str]:
    for name, service in stack.services.items():
        where = places.place("stack", "services", name, "needs")
        for need in service.needs:
            if need not in stack.services:
                known = suggest(need, stack.services)
                yield f"{where}: {need!r} is no service of this stack; {known}"
                continue
            when = stack.services[need].when
            if when not in (None, service.when):
                yield f"{where}: {need!r} is there only when {when!r} is set; drop the need"
            phase = stack.services[need].phase
            if PHASES.index(phase) > PHASES.index(service.phase):
                yield (
                    f"{where}: {need!r} starts in phase {phase}, after {name!r} in phase "
                    f"{service.phase}; drop the need or move one of them"
                )


def _check_cycles(key: str, graph: Mapping[str, Collection[str]], places: Origins) -> Iterable[str]:
    """Name each cycle once: one edge of it is cut, and the search goes on."""
    edges = {name: [need for need in needs if need in graph] for name, needs in graph.items()}
    while True:
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            # graphlib lists predecessors first; people read "a needs b".
            cycle: list[str] = error.args[1][:0:-1]
            start = cycle.index(min(cycle))
            cycle = cycle[start:] + cycle[:start]
            edges[cycle[0]].remove(cycle[1 % len(cycle)])
            path = " → ".join([*cycle, cycle[0]])
            root = "services" if key == "needs" else "images"
            where = places.place("stack", root, cycle[0], key)
            yield f"{where}: a cycle, {path}; drop one of these {key}"
        else:
            return


def _check_unique(
    stack: Stack, places: Origins, field: str, value_of: Callable[[str], object]
) -> Iterable[str]:
    owners: dict[object, list[str]] = defaultdict(list)
    for name in stack.services:
        if (value := value_of(name)) is not None:
            owners[value].append(name)
    for value, names in owners.items():
        if len(names) > 1:
            where = places.place("stack", "services", names[-1], field)
            yield f"{where} = {value!r}: taken by {' and '.join(names)} alike; change one"


def _check_bases(stack: Stack, places: Origins) -> Iterable[str]:
    known = {*stack.bases, *stack.images}
    for name in stack.bases.keys() & stack.images.keys():
        yield f"{places.place('stack', 'images', name)}: also the name of a base; rename one"
    builds: dict[tuple[str, ...], Build] = {
        ("images", name): build for name, build in stack.images.items()
    }
    builds |= {("services", n, "build"): s.build for n, s in stack.services.items() if s.build}
    for path, build in builds.items():
        for base in build.bases:
            if base not in known:
                where = places.place("stack", *path, "bases")
                yield f"{where}: {base!r} is neither a base nor an image; {suggest(base, known)}"
    images = {name: build.bases for name, build in stack.images.items()}
    yield from _check_cycles("bases", images, places)


def _check_rotations(stack: Stack, places: Origins) -> Iterable[str]:
    secrets = {secret for service in stack.services.values() for secret in service.secrets}
    for name, service in stack.services.items():
        for secret in service.rotate.keys() - secrets:
            where = places.place("stack", "services", name, "rotate")
            yield f"{where}: {secret!r} is in no service's 'secrets'; {suggest(secret, secrets)}"


def _check_demands(stack: Stack, places: Origins) -> Iterable[str]:
    """Hold demands against `sized_for`; overrides are held against the daemon, by the planner."""
    cpus, memory = stack.sized_for.cpus, stack.sized_for.memory
    for name, service in stack.services.items():
        where = partial(places.place, "stack", "services", name)
        literal = places.overrides.get(name, {})
        if "cpus" not in literal and service.cpus > cpus:
            yield f"{where('cpus')} = {service.cpus:g}: sized_for has {cpus} CPUs; lower it"
        if "memory" not in literal and service.memory > memory:
            said, most = show_memory(service.memory), show_memory(memory)
            yield f"{where('memory')} = {said}: sized_for has {most}; lower it"
        if service.memory < MINIMUM_MEMORY_BYTES:
            yield f"{where('memory')}: {_too_little(service.memory)}"
        if service.working_set is not None and service.working_set > service.memory:
            needs, limit = show_memory(service.working_set), show_memory(service.memory)
            yield f"{where('memory')} = {limit}: below its working_set of {needs}; raise it"
        if service.reservation is not None and service.reservation < MINIMUM_MEMORY_BYTES:
            yield f"{where('reservation')}: {_too_little(service.reservation)}"
        if "cpuset" not in literal and service.cpuset and (beyond := _beyond(service.cpuset, cpus)):
            yield (
                f"{where('cpuset')} = {service.cpuset!r}: sized_for has no core {beyond}; "
                f"write cores of 0-{cpus - 1}"
            )


def _beyond(cpuset: str, cpus: int) -> str:
    return show_cores(tuple(core for core in cores_of(cpuset) if core >= cpus))


def _too_little(size_bytes: int) -> str:
    minimum = show_memory(MINIMUM_MEMORY_BYTES)
    return f"{show_memory(size_bytes)} is less than Docker takes; write {minimum} or more"
