"""Which daemons form the swarm, by what they say of themselves, and who has to join it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Literal

from stack.errors import DrydockError

PORTS = "2377/tcp, 7946/tcp and udp, 4789/udp, and IP protocol 50 (ESP) for the encrypted network"
"""What the daemons' addresses must accept from each other."""
UNREACHABLE = {
    "docker-desktop": "Docker Desktop's VM is not on the LAN, so no other daemon can reach it",
    "orbstack": "OrbStack's VM is not on the LAN, so no other daemon can reach it",
}
"""Runtimes that can't be part of a swarm of several Macs."""
COLIMA = "colima start --network-address --network-mode bridged"

Role = Literal["manager", "worker"]


@dataclass(frozen=True)
class Member:
    """One daemon, and its part in a swarm."""

    host: str
    runtime: str
    address: str | None
    """Where the other daemons reach it."""
    state: str
    """inactive, pending, active, error or locked"""
    node_id: str = ""
    controls: bool = False
    """Whether it is a manager that answers for the swarm."""
    error: str = ""


@dataclass(frozen=True)
class FoundNode:
    """A node as the managers know it."""

    id: str
    hostname: str
    """What its daemon calls itself; each Colima's is "colima"."""
    address: str
    ready: bool
    role: str
    labels: Mapping[str, str]

    @property
    def known_as(self) -> str:
        """The node for people: "colima (192.0.2.11)"."""
        return f"{self.hostname} ({self.address})"


@dataclass(frozen=True)
class Formation:
    """What has to be done before all hosts are nodes of one swarm."""

    manager: str
    """The host whose daemon answers for the swarm, or begins it."""
    begins: bool
    joins: tuple[tuple[str, Role], ...]
    """Hosts that are in no swarm, and as what they join."""
    promotes: tuple[str, ...]
    """Hosts that are workers and become managers."""
    gone: tuple[FoundNode, ...]
    """Nodes that are down, of no host of this run."""
    replaced: tuple[FoundNode, ...]
    """Those of them that a host of this run was before: it left, and joins anew."""


def member_of(host: str, runtime: str, address: str | None, info: Mapping[str, Any]) -> Member:
    """Read the part of `docker info` that is about the swarm."""
    swarm = info.get("Swarm") or {}
    return Member(
        host=host,
        runtime=runtime,
        address=address,
        state=swarm.get("LocalNodeState") or "inactive",
        node_id=swarm.get("NodeID") or "",
        controls=bool(swarm.get("ControlAvailable")),
        error=swarm.get("Error") or "",
    )


def node_of(inspected: Mapping[str, Any]) -> FoundNode:
    """Read one entry of a manager's list of nodes."""
    return FoundNode(
        id=inspected["ID"],
        hostname=inspected["Description"]["Hostname"],
        address=inspected["Status"].get("Addr", ""),
        ready=inspected["Status"]["State"] == "ready",
        role=inspected["Spec"]["Role"],
        labels=inspected["Spec"].get("Labels") or {},
    )


def refuse_members(members: Sequence[Member]) -> None:
    """DrydockError names each daemon that can't be part of a swarm, and what to do about it."""
    problems = [f"{it.host}: {problem}" for it in members for problem in _problems(it, members)]
    if problems:
        raise DrydockError("\n".join(problems))


def _problems(member: Member, members: Sequence[Member]) -> Iterable[str]:
    several = len(members) > 1
    if several and member.runtime in UNREACHABLE:
        yield (
            f"{UNREACHABLE[member.runtime]}: use Colima with a bridged network there ({COLIMA}),"
            " and say its address as swarm_address in the host's data"
        )
    elif member.address is None:
        yield (
            "say in the host's data where the other daemons reach this one: swarm_address ="
            f" '192.0.2.11', the address of its VM on the LAN (for Colima: {COLIMA}, then"
            f" `colima list`); it must accept {PORTS}"
        )
    if member.state == "locked":
        yield "its swarm is locked: unlock it on that host (docker swarm unlock), then run again"
    if member.state in ("pending", "error"):
        yield (
            f"its daemon can't reach the swarm that it belongs to ({member.error or member.state}):"
            f" see that its managers run and that all accept {PORTS}; or take it out of that swarm"
            " (docker swarm leave --force), then run again"
        )


def formation_of(members: Sequence[Member], nodes: Sequence[FoundNode]) -> Formation:
    """Who begins, who joins as what; nodes that exist keep their place.

    + members: in the order of the inventory, none refused by `refuse_members`
    + nodes: what the first manager among them knows; none before there is a swarm
    """
    by_id = {it.id: it for it in nodes}
    strangers = [it.host for it in members if it.state == "active" and it.node_id not in by_id]
    controlling = [it.host for it in members if it.controls]
    if strangers:
        where = f"that of {controlling[0]}" if controlling else "one whose managers aren't here"
        raise DrydockError(
            f"{', '.join(strangers)}: in another swarm than {where}: name all its Macs in this run"
            " (no --limit), or take them out of it (docker swarm leave --force)"
        )
    own = {it.node_id for it in members}
    others = [it for it in nodes if it.id not in own]
    if unseen := [it.known_as for it in others if it.ready]:
        raise DrydockError(
            f"{', '.join(unseen)}: in the swarm, but not reached by this run, which then can't"
            " give it images: name it in the inventory, without --limit, or take it out (docker"
            " node rm)"
        )
    wanted = _managers(members)
    manager = (controlling or [members[0].host])[0]
    joining = [it.host for it in members if it.state == "inactive" and it.host != manager]
    return Formation(
        manager=manager,
        begins=not controlling,
        joins=tuple((host, "manager" if host in wanted else "worker") for host in joining),
        promotes=tuple(
            it.host
            for it in members
            if it.host in wanted and it.node_id in by_id and by_id[it.node_id].role == "worker"
        ),
        gone=tuple(others),
        replaced=tuple(it for it in others if it.address in {m.address for m in members}),
    )


def address_pool(addresses: Iterable[str]) -> str:
    """Where the swarm's networks get their addresses: not from a LAN that the daemons are on.

    Docker's own choice is 10.0.0.0/8, and a LAN in there would be hidden by them.
    """
    own = ip_network("10.0.0.0/8")
    return "198.18.0.0/16" if any(ip_address(it) in own for it in addresses) else str(own)


def _managers(members: Sequence[Member]) -> set[str]:
    """Hosts that should manage: three of three to six, five of more, so that one can be lost.

    Of two, one: two managers would both be needed, and lose more than one does.
    """
    number = 1 if len(members) < 3 else 3 if len(members) < 7 else 5
    active = sorted(members, key=lambda it: not it.controls)
    return {it.host for it in active[:number]}
