"""What a swarm of all hosts of a run should be, what it is, and the steps between the two."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gevent.event import AsyncResult
from pyinfra.api.host import Host
from pyinfra.api.state import State

from facts.pins import pins_in
from facts.swarm import Look, look_at, read_found, read_nodes, release_on
from facts.swarm_monitor import monitor_on
from facts.together import together
from facts.upstream import registry_digests
from link.daemon import daemon
from stack.changes.monitor import MonitorPlan
from stack.errors import DrydockError
from stack.model import Map, Stack
from stack.release.images import upstream_references
from stack.release.render import Release
from stack.settings import Settings
from stack.swarm.capacity import allocate_over
from stack.swarm.cores import cores_by_service, same_cores
from stack.swarm.membership import Formation, FoundNode, formation_of, refuse_members
from stack.swarm.placement import Place, place
from stack.swarm.spec import Spec, secret_name, service_spec
from stack.swarm.steps import Found, Kind, Step, refuse_lost_data, steps_of


@dataclass(frozen=True)
class SwarmPlan:
    """One stack on the daemons of several hosts."""

    stack: Stack
    settings: Settings
    looks: Mapping[str, Look]
    """By the host's name."""
    formation: Formation
    release: Release
    """What the manager's host would get of it: its containers are every node's."""
    places: Mapping[str, Place]
    secrets: Mapping[str, str | None]
    """Secret → its name in the swarm, None where it has to be generated."""
    cores: Mapping[str, str]
    """Service → its cores on its node."""
    monitors: Mapping[str, MonitorPlan]
    """Host → what keeps its containers on their cores until the next run."""
    found: Found
    steps: tuple[Step, ...]

    @property
    def manager(self) -> Look:
        """The host whose daemon answers for the swarm."""
        return self.looks[self.formation.manager]

    @property
    def api(self) -> Any:  # noqa: ANN401
        """The daemon that answers for the swarm: an APIClient, of whose stubs that part is bare."""
        return daemon(self.manager.host, self.manager.detected.runtime)

    def of(self, *kinds: Kind) -> tuple[str, ...]:
        """Subjects of the steps of these kinds, in order."""
        return tuple(it.subject for it in self.steps if it.kind in kinds)

    def as_json(self, *kinds: Kind) -> list[dict[str, str]]:
        """The steps of these kinds for a program."""
        return [it.as_json(self.manager.name) for it in self.steps if it.kind in kinds]

    @property
    def changes(self) -> bool:
        """Whether anything differs, but for images that a node lacks."""
        return bool(self.steps) or any(it.changes for it in self.monitors.values())

    def is_where(self, other: "SwarmPlan") -> bool:
        """Whether nobody changed the swarm between the two looks, but Swarm itself."""
        return self._deployed() == other._deployed()

    def _deployed(self) -> tuple[object, ...]:
        found = self.found
        specs = {name: it.spec for name, it in found.services.items()}
        monitors = {name: it.monitor for name, it in self.looks.items()}
        shared = (found.all_secrets, found.has_network, found.labelled)
        return self.formation, specs, shared, monitors

    def spec(self, service: str, secrets: Mapping[str, str]) -> Spec:
        """What a service should be, with its secrets by these names."""
        return service_spec(
            self.stack,
            service,
            self.release.containers[service],
            self.release.map.services[service],
            self.release.images[service].pinned_reference,
            secrets,
            self.settings,
        )


_plans: "dict[State, AsyncResult[SwarmPlan]]" = {}


def planned_once(host: Host, is_old: Callable[[SwarmPlan], bool]) -> SwarmPlan:
    """The plan of a run: made by the first host that asks, and the same for all.

    + is_old: whether others changed something since, and it has to be made anew
    """
    state = host.state
    if state in _plans:
        try:
            made: SwarmPlan = _plans[state].get()
            return made
        except Exception:
            raise DrydockError("the swarm can't be planned, as another host says") from None
    _plans[state] = AsyncResult()
    try:
        # In the order of the inventory: the first to be named is the first to manage.
        hosts = [it for it in state.inventory if it in state.active_hosts]
        plan = plan_swarm(hosts)
        if is_old(plan):
            plan = plan_swarm(hosts)
    except Exception as error:
        _plans[state].set_exception(error)
        raise
    _plans[state].set(plan)
    return plan


def plan_swarm(hosts: Sequence[Host]) -> SwarmPlan:
    """Look at all hosts, and work out what is to change; nothing changes.

    DrydockError where the data is wrong, or the hosts can't be one swarm, or can't hold the stack.
    """
    looks: list[Look] = together(*(lambda it=it: look_at(it) for it in hosts))
    members = [it.member for it in looks]
    refuse_members(members)
    by_name = {it.name: it for it in looks}
    nodes = _nodes(looks)
    formation = formation_of(members, nodes)
    first = by_name[formation.manager]
    stack, settings = first.inputs.stack, first.inputs.settings
    refuse_lost_data(stack, formation)
    found = Found()
    if not formation.begins:
        own = {it.host: node for it in members for node in nodes if node.id == it.node_id}
        found = read_found(daemon(first.host, first.detected.runtime), first.inputs, own)
    planned = [it.node(_runs(found, it.name)) for it in looks]
    allocations = allocate_over(first.inputs, planned)
    places = place(stack, allocations, planned)
    digests = _digests(looks, settings)
    release = release_on(first, stack, Map(services=allocations), digests)
    given = settings.given_secrets
    secrets = {
        name: secret_name(stack, name, given[name]) if name in given else found.secrets.get(name)
        for name in sorted(release.secrets())
    }
    chips = {it.name: (it.detected.chip, it.detected.daemon) for it in looks}
    cores = cores_by_service(first.inputs, places, chips)
    monitors = {it.name: monitor_on(it, places, cores) for it in looks}
    plan = SwarmPlan(
        stack, settings, by_name, formation, release, places, secrets, cores, monitors, found, ()
    )
    named = {name: it or "" for name, it in secrets.items()}
    specs = {name: plan.spec(name, named) for name in stack.services}
    steps = steps_of(stack, specs, places, secrets, formation, found)
    return replace(plan, steps=(*steps, *_core_steps(plan, {it.subject for it in steps})))


def _core_steps(plan: SwarmPlan, others: Collection[str]) -> Iterator[Step]:
    """Containers that stay as they are but for their cores; a new one gets its own anyway."""
    for name, belongs in plan.places.items():
        look = plan.looks[belongs.node]
        has, wanted = look.cpusets.get(name), plan.cores[name]
        if has is None or name in others or same_cores(has, wanted, look.detected.daemon):
            continue
        yield Step("cores", name, f"cores {has or 'all'} → {wanted} of {belongs.node}, live")


def _nodes(looks: Sequence[Look]) -> list[FoundNode]:
    manager = next((it for it in looks if it.member.controls), None)
    return read_nodes(daemon(manager.host, manager.detected.runtime)) if manager else []


def _runs(found: Found, host: str) -> frozenset[str]:
    return frozenset(name for name, it in found.services.items() if it.node == host)


def _digests(looks: Sequence[Look], settings: Settings) -> dict[str, str]:
    """Upstream image → digest, one for all nodes, so that their images have the same content."""
    known: dict[str, str] = {}
    for look in reversed(looks):
        known |= look.observed.upstream_digests
    known |= pins_in(settings.images_lock)
    first = looks[0]
    unknown = [it for it in upstream_references(first.inputs.stack) if it not in known]
    return known | registry_digests(first.host, first.detected, settings, unknown)
