"""What a deploy would do to a swarm: the differences between what it should be and what it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from stack.errors import DrydockError
from stack.model import PHASES, Stack
from stack.swarm.compare import differences
from stack.swarm.membership import Formation, FoundNode
from stack.swarm.placement import Place
from stack.swarm.spec import Spec, node_label

Kind = Literal[
    "begin", "join", "promote", "forget", "place", "network", "secret", "create", "update", "wait",
    "remove", "clear", "cores",
]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One change to the swarm."""

    kind: Kind
    subject: str
    """A host, a service or a secret."""
    words: str

    @property
    def sentence(self) -> str:
        """The change in words: "tide: create on mac1, the only node with room"."""
        return f"{self.subject}: {self.words}"

    def as_json(self, host: str) -> dict[str, str]:
        """The change for a program, with the host whose daemon makes it."""
        return {"host": host, **asdict(self), "sentence": self.sentence}


@dataclass(frozen=True)
class FoundService:
    """A service of the stack that the swarm has."""

    spec: Spec
    """As the daemon says it, its networks by their names."""
    node: str | None = None
    """Host on which its task runs, healthy."""


@dataclass(frozen=True)
class Found:
    """What the swarm has of a stack."""

    services: Mapping[str, FoundService] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Secret → its newest name in the swarm."""
    all_secrets: Sequence[str] = ()
    """Names of all of the stack's secrets in the swarm, former ones too."""
    has_network: bool = False
    labelled: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Service → hosts on which it may run."""


def steps_of(
    stack: Stack,
    specs: Mapping[str, Spec],
    places: Mapping[str, Place],
    secrets: Mapping[str, str | None],
    formation: Formation,
    found: Found,
) -> tuple[Step, ...]:
    """All that differs, in the order in which it is done.

    + specs: service → what it should be
    + secrets: secret → its name in the swarm, None where it has to be generated
    """
    return (
        *_forming(formation),
        *_shared(stack, secrets, found),
        *_services(stack, specs, places, found),
        *_leftovers(stack, secrets, found),
    )


def _forming(formation: Formation) -> Iterator[Step]:
    if formation.begins:
        yield Step("begin", formation.manager, "begin a swarm")
    for host, role in formation.joins:
        yield Step("join", host, f"join the swarm as {role}")
    for host in formation.promotes:
        yield Step("promote", host, "worker → manager")
    for node in formation.replaced:
        yield Step("forget", node.known_as, f"forget its former node {node.id}, which is down")


def _shared(stack: Stack, secrets: Mapping[str, str | None], found: Found) -> Iterator[Step]:
    if not found.has_network:
        yield Step("network", stack.name, "create the network between its services")
    for secret, name in secrets.items():
        if name is None:
            yield Step("secret", secret, "generate, and keep it in the swarm")
        elif name not in found.all_secrets:
            yield Step("secret", secret, f"keep the given value in the swarm as {name}")


def _services(
    stack: Stack, specs: Mapping[str, Spec], places: Mapping[str, Place], found: Found
) -> Iterator[Step]:
    for name in (name for wave in waves(stack) for name in wave):
        place, there = places[name], found.services.get(name)
        where = f"{place.node}, {place.why}"
        if there is None:
            yield Step("create", name, f"create on {where}")
            continue
        if differing := list(differences(specs[name], there.spec)):
            order = specs[name]["UpdateConfig"]["Order"]
            yield Step("update", name, f"{', '.join(differing)}: rolling update, {order}")
        elif there.node is None:
            yield Step("wait", name, "not healthy → healthy, waited for")
        allowed = frozenset((place.node, *place.spares))
        if there.node not in (None, place.node):
            yield Step("place", name, f"{there.node} → {where}")
        elif found.labelled.get(name) != allowed:
            spares = ", ".join(place.spares) or "nowhere"
            yield Step("place", name, f"on {where}; elsewhere when that is lost: {spares}")


def _leftovers(stack: Stack, secrets: Mapping[str, str | None], found: Found) -> Iterator[Step]:
    for name in sorted(found.services.keys() - stack.services.keys()):
        yield Step("remove", name, "no longer in the stack: remove; its volumes stay")
    for name in sorted(set(found.all_secrets) - set(secrets.values())):
        yield Step("clear", name, "a secret that no service reads: remove")


def waves(stack: Stack) -> tuple[tuple[str, ...], ...]:
    """Services in groups that may start at once: by phase, and within it after their needs."""
    groups: list[tuple[str, ...]] = []
    for phase in PHASES:
        left = [name for name, it in stack.services.items() if it.phase == phase]
        while left:
            group = tuple(n for n in left if not set(left) & set(stack.services[n].needs))
            groups.append(group)
            left = [name for name in left if name not in group]
    return tuple(groups)


def refuse_lost_data(stack: Stack, formation: Formation) -> None:
    """DrydockError where a node that is down holds data: elsewhere a service would begin anew."""
    for node in formation.gone:
        held = [
            name
            for name, service in stack.services.items()
            if service.volumes and node_label(stack, name) in node.labels
        ]
        if held and node not in formation.replaced:
            raise DrydockError(
                f"{', '.join(held)}: data is on {node.known_as}, which is down: what has no data"
                " goes on elsewhere by itself; start that Mac again, then run again; or, if it is"
                f" gone for good with its data: docker node rm --force {node.id}"
            )


def label_changes(
    stack: Stack, wanted: Mapping[str, frozenset[str]], host: str, labels: Mapping[str, Any]
) -> dict[str, str]:
    """A node's labels with those of the stack's services as they should be.

    + wanted: service → hosts on which it may run; labels of services that it leaves out stay
    """
    kept = dict(labels)
    for service, hosts in wanted.items():
        kept.pop(node_label(stack, service), None)
        if host in hosts:
            kept[node_label(stack, service)] = "yes"
    return kept


def hosts_by_service(stack: Stack, nodes: Mapping[str, FoundNode]) -> dict[str, frozenset[str]]:
    """On which hosts each service may run by the labels of the nodes."""
    return {
        name: frozenset(host for host, it in nodes.items() if node_label(stack, name) in it.labels)
        for name in stack.services
    }
