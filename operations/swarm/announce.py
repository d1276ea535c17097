"""Tell what will change on a swarm, and what it is in the end."""

from pyinfra.api.host import Host

from facts.swarm_plan import SwarmPlan
from stack.changes.change import Changes
from stack.quantities import count
from stack.swarm.spec import OPEN


def announce(host: Host, swarm: SwarmPlan, images: Changes) -> None:
    """Log every change in words: the swarm's at its manager, a node's own on that."""
    if host.name == swarm.manager.name:
        _announce_swarm(host, swarm)
    monitor = swarm.monitors[host.name]
    for change in (*images.all, *monitor.changes.all):
        host.log(f"  {change.sentence}")
    off = swarm.looks[host.name].inputs.settings.monitor == "off"
    if monitor.account is None and swarm.steps and not off:
        host.log(
            "  no monitor: it runs under launchd, which this host doesn't have; what Swarm makes"
            " anew here has all cores until the next run"
        )


def _announce_swarm(host: Host, swarm: SwarmPlan) -> None:
    for node in swarm.formation.gone:
        host.log(f"  {node.known_as} is down; it joins again when it is back")
    for name, service in swarm.stack.services.items():
        if service.host_directories:
            shown = ", ".join(service.host_directories)
            host.log(f"  {name}: without {shown}, which belongs to one Mac")
    if swarm.settings.bind_address != OPEN:
        host.log(f"  no port is published; bind_address = '{OPEN}' opens them on every node")
    if not swarm.settings.swarm_encryption:
        host.log_styled("  the network between the nodes isn't encrypted", fg="yellow")
    for step in swarm.steps:
        host.log(f"  {step.sentence}")
    if not swarm.steps and not any(it.changes for it in swarm.monitors.values()):
        host.log(f"no changes: {swarm.stack.name} on {count(len(swarm.looks), 'node')}")
