"""Which node of a swarm each service belongs on: memory first, then cores and latency class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stack.errors import DrydockError
from stack.model import Allocation, Daemon, Stack
from stack.planner.fit import reservable_bytes
from stack.quantities import count, show_memory


@dataclass(frozen=True)
class Node:
    """A daemon of the swarm, as the planner sees it."""

    name: str
    cpus: int
    memory_bytes: int
    volumes: frozenset[str] = frozenset()
    """Names of the volumes that it has."""
    runs: frozenset[str] = frozenset()
    """Services of the stack that run on it now."""


@dataclass(frozen=True)
class Place:
    """Where a service belongs."""

    node: str
    spares: tuple[str, ...]
    """Where else Swarm may start it when that node is lost; none for a service with data."""
    why: str


def place(
    stack: Stack, allocations: Mapping[str, Allocation], nodes: Sequence[Node]
) -> dict[str, Place]:
    """Give each service its node; the same stack and nodes give the same places.

    A service with a volume belongs where that is, one that runs stays where it fits, the others go
    to the least loaded node with room. DrydockError when there is no room.
    """
    # What runs may be in the way of what doesn't yet: then all of it is placed anew.
    board = _Board(stack, allocations, nodes)
    homeless = board.fill(keep=True)
    if homeless is not None:
        board = _Board(stack, allocations, nodes)
        homeless = board.fill(keep=False)
    if homeless is None:
        return {name: board.place_of(name) for name in stack.services}
    room = show_memory(weight(stack, allocations[homeless]))
    has = ", ".join(
        f"{it.name} {count(it.cpus, 'CPU')} and {show_memory(it.memory_bytes)}" for it in nodes
    )
    remedy = "" if stack.overcommit else ", let limits add to more (stack.overcommit)"
    raise DrydockError(
        f"{homeless}: no node has {allocations[homeless].cpus:g} CPUs and {room} left for it beside"
        f" the others ({has}): add a Mac, give the VMs more memory{remedy}, or lower what services"
        " ask for"
    )


def weight(stack: Stack, allocation: Allocation) -> int:
    """The memory that a service takes of a node's, in bytes: its limit, where all must hold."""
    return allocation.reservation_bytes if stack.overcommit else allocation.memory_bytes


def volumes_of(stack: Stack, service: str) -> frozenset[str]:
    """The volumes of a service, by their names on a node."""
    return frozenset(stack.volume_name(volume) for volume in stack.services[service].volumes)


@dataclass
class _Load:
    """What has been put on a node so far."""

    node: Node
    free_bytes: int
    cpus: float = 0
    classes: set[str] = field(default_factory=set)


class _Board:
    """Nodes with the services that were put on them."""

    def __init__(
        self, stack: Stack, allocations: Mapping[str, Allocation], nodes: Sequence[Node]
    ) -> None:
        self._stack, self._allocations, self._nodes = stack, allocations, nodes
        self._loads = {it.name: _Load(it, _room(it)) for it in nodes}
        self._chosen: dict[str, tuple[str, str]] = {}

    def fill(self, *, keep: bool) -> str | None:
        """Put every service on a node; the first that no node has room for, if there is one.

        + keep: whether what runs stays where it is
        """
        for name in self._stack.services:
            self._put_at_its_volume(name)
        for load in self._loads.values():
            for name in sorted(load.node.runs & self._stack.services.keys()) if keep else ():
                if name not in self._chosen and self._fits(name, load):
                    self._put(name, load, "runs there")
        rest = [name for name in self._stack.services if name not in self._chosen]
        for name in sorted(rest, key=self._order):
            fitting = [load for load in self._loads.values() if self._fits(name, load)]
            if not fitting:
                return name
            best = min(fitting, key=lambda load: self._cost(name, load))
            self._put(name, best, self._why(fitting, best))
        return None

    def place_of(self, name: str) -> Place:
        """Where a service was put, and where else it would fit if it were alone there."""
        home, why = self._chosen[name]
        fresh = [_Load(it, _room(it)) for it in self._nodes if it.name != home]
        spares = [load.node.name for load in fresh if self._fits(name, load)]
        return Place(home, () if self._stack.services[name].volumes else tuple(spares), why)

    def _put(self, name: str, load: _Load, why: str) -> None:
        load.free_bytes -= weight(self._stack, self._allocations[name])
        load.cpus += self._allocations[name].cpus
        load.classes.add(self._stack.services[name].latency_class)
        self._chosen[name] = (load.node.name, why)

    def _put_at_its_volume(self, name: str) -> None:
        wanted = volumes_of(self._stack, name)
        holding = [it for it in self._nodes if wanted & it.volumes]
        running = [it for it in holding if name in it.runs]
        if not holding:
            return
        if len(holding) > 1 and len(running) != 1:
            raise DrydockError(
                f"{name}: its volume {', '.join(sorted(wanted))} is on"
                f" {' and '.join(it.name for it in holding)}: remove it (docker volume rm) from"
                " where its data may go"
            )
        node = (running or holding)[0]
        volumes, load = ", ".join(sorted(wanted & node.volumes)), self._loads[node.name]
        if not self._fits(name, load):
            allocation = self._allocations[name]
            raise DrydockError(
                f"{name}: its volume {volumes} is on {node.name}, which hasn't"
                f" {allocation.cpus:g} CPUs and {show_memory(weight(self._stack, allocation))} left"
                " for it: give its VM more, or lower what the services with data there ask for"
            )
        self._put(name, load, f"holds its volume {volumes}")

    def _fits(self, name: str, load: _Load) -> bool:
        allocation = self._allocations[name]
        has_room = weight(self._stack, allocation) <= load.free_bytes
        return allocation.cpus <= load.node.cpus and has_room

    def _order(self, name: str) -> tuple[bool, int, float, str]:
        """The order of choosing: latency first, then what is hardest to find room for."""
        allocation = self._allocations[name]
        is_throughput = self._stack.services[name].latency_class == "throughput"
        return is_throughput, -weight(self._stack, allocation), -allocation.cpus, name

    def _cost(self, name: str, load: _Load) -> tuple[bool, float, int, str]:
        """What speaks against a node: contention between latency classes, then its load."""
        cpus = load.cpus + self._allocations[name].cpus
        others = load.classes - {self._stack.services[name].latency_class}
        contends = bool(others) and cpus > load.node.cpus
        return contends, cpus / load.node.cpus, -load.free_bytes, load.node.name

    def _why(self, fitting: Sequence[_Load], best: _Load) -> str:
        if len(fitting) == 1:
            return "the only node with room"
        asked = f"{best.cpus:g} of {count(best.node.cpus, 'CPU')} were asked for there"
        return f"the best of {len(fitting)} with room: {asked}"


def _room(node: Node) -> int:
    return reservable_bytes(Daemon(cpus=node.cpus, memory_bytes=node.memory_bytes))
