"""Make the daemons of several hosts one swarm, and say where services may run."""

from collections.abc import Generator, Mapping
from time import monotonic

from docker.errors import APIError
from gevent.event import Event
from pyinfra.api.command import PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.context import state

from facts.detect import Detected
from facts.swarm import Look
from facts.swarm_plan import SwarmPlan
from link.daemon import daemon
from operations.refusal import refused, step
from stack.changes.change import Changes
from stack.swarm.membership import PORTS, FoundNode, address_pool, node_of
from stack.swarm.steps import Kind, label_changes

LISTEN = "0.0.0.0:2377"
FORMS: tuple[Kind, ...] = ("begin", "join", "promote", "forget")
READY_S = 60
LOOK_S = 0.5
"""How often it is asked for the state of nodes and tasks: the daemon has no events for them."""


@operation()
def tidy(changes: Changes, detected: Detected) -> Generator[PyinfraCommand, None, None]:
    """Remove the build contexts from a node: its images are all that it needs.

    + changes: what was built
    + detected: the host
    """
    if changes.of("write"):
        yield StringCommand("rm -rf", QuoteString(f"{detected.directory}/releases"))


@operation()
def form(swarm: SwarmPlan) -> Generator[PyinfraCommand, None, None]:
    """Begin a swarm, let hosts join it, and make enough of them managers.

    + swarm: who does what

    Join tokens go from daemon to daemon in the bodies of requests, nowhere else.
    """
    if swarm.of(*FORMS):
        yield step(_form, swarm)


def _form(host: Host, swarm: SwarmPlan) -> bool:
    if failed := sorted(it.name for it in state.failed_hosts):
        return refused(host, f"{', '.join(failed)} failed before: the swarm is left as it was")
    api, manager = swarm.api, swarm.manager
    if swarm.formation.begins:
        addresses = [it.member.address or "" for it in swarm.looks.values()]
        api.init_swarm(
            advertise_addr=manager.member.address,
            listen_addr=LISTEN,
            default_addr_pool=[address_pool(addresses)],
        )
        host.log(f"{manager.name}: the swarm has begun")
    joined: list[str] = []
    for joining, role in swarm.formation.joins:
        if not _join(host, swarm, swarm.looks[joining], role):
            return _undo(host, swarm, joined)
        joined.append(joining)
    own = node_ids(swarm)
    for promoted in swarm.formation.promotes:
        _change_node(swarm, own[promoted], Role="manager")
    for node in swarm.formation.replaced:
        if node.role == "manager":
            _change_node(swarm, node.id, Role="worker")
        api.remove_node(node.id, force=True)
    return _all_ready(host, swarm, own)


def _join(host: Host, swarm: SwarmPlan, look: Look, role: str) -> bool:
    tokens = swarm.api.inspect_swarm()["JoinTokens"]
    manager = f"{swarm.manager.member.address}:2377"
    api = daemon(look.host, look.detected.runtime)
    try:
        api.join_swarm(
            remote_addrs=[manager],
            join_token=tokens[role.capitalize()],
            listen_addr=LISTEN,
            advertise_addr=look.member.address,
        )
    except APIError as error:
        if "background" in (error.explanation or ""):
            # It would go on trying, and the next run would find it half joined.
            api.leave_swarm(force=True)
        return refused(
            host,
            f"{look.name}: can't join the swarm at {manager}: {error.explanation}\n"
            f"the daemons must reach each other at their swarm_address: {PORTS}",
        )
    host.log(f"{look.name}: joined as {role}")
    return True


def _undo(host: Host, swarm: SwarmPlan, joined: list[str]) -> bool:
    """End a swarm that not all could join, where this run began it: nothing is left half."""
    if swarm.formation.begins:
        for name in (*joined, swarm.manager.name):
            look = swarm.looks[name]
            daemon(look.host, look.detected.runtime).leave_swarm(force=True)
        return refused(host, "the swarm that had begun is ended again, on every host")
    if joined:
        return refused(host, f"joined before it, and in the swarm now: {', '.join(joined)}")
    return False


def node_ids(swarm: SwarmPlan) -> dict[str, str]:
    """Host → id of its node, as its own daemon says."""
    return {
        name: daemon(it.host, it.detected.runtime).info()["Swarm"]["NodeID"]
        for name, it in swarm.looks.items()
    }


def _all_ready(host: Host, swarm: SwarmPlan, own: Mapping[str, str]) -> bool:
    until = monotonic() + READY_S
    while True:
        ready = {it.id for it in map(node_of, swarm.api.nodes()) if it.ready}
        late = [name for name, id in own.items() if id not in ready]
        if not late:
            return True
        if monotonic() > until:
            return refused(
                host,
                f"{', '.join(late)}: not ready within {READY_S} s; the daemons must reach each"
                f" other at their swarm_address: {PORTS}",
            )
        Event().wait(LOOK_S)


def allow(swarm: SwarmPlan, own: Mapping[str, str], allowed: Mapping[str, frozenset[str]]) -> None:
    """Label the nodes so that each of these services may run on these hosts alone.

    + own: host → id of its node
    """
    for host, id in own.items():
        node = _inspected(swarm, id)
        labels = label_changes(swarm.stack, allowed, host, node.labels)
        if labels != node.labels:
            _change_node(swarm, id, Labels=labels)


def _inspected(swarm: SwarmPlan, id: str) -> FoundNode:
    return node_of(swarm.api.inspect_node(id))


def _change_node(swarm: SwarmPlan, id: str, **fields: object) -> None:
    found = swarm.api.inspect_node(id)
    swarm.api.update_node(id, found["Version"]["Index"], {**found["Spec"], **fields})
