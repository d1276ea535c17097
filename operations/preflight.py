"""Refuse what can't succeed, before anything on the host changes."""

from pyinfra.api.host import Host

from facts.plan import HostPlan
from facts.ports import Listeners
from facts.requirements import (
    refuse_links,
    refuse_lost_secrets,
    refuse_names,
    refuse_node,
    refuse_ports,
    refuse_tools,
    wanted_ports,
)
from facts.tools import Tools, ToolsInfo
from link.daemon import daemon
from operations.images import build_secrets
from operations.regain import perhaps_lost, restarts_docker

_LOST = (
    "  port {port}, for {service}, may be held for a container that Docker has lost: if so, Docker"
    " is restarted, and with it all containers"
)


def refuse_planted(host: Host, plan: HostPlan) -> None:
    """Refuse a host where links lie in the place of what will be written, and look at no more."""
    if plan.changes:
        cli, directory = plan.detected.runtime.docker_cli, plan.detected.directory
        refuse_links(host.get_fact(Tools, docker_cli=cli, directory=directory))


def preflight(host: Host, plan: HostPlan) -> ToolsInfo | None:
    """What the host has of tools; None when nothing will change and nothing was asked.

    DrydockError when a tool, a port, disk space or a file is missing, or a name is taken.
    """
    refuse_node(plan.release.stack.name, plan.observed)
    refuse_names(plan.release, plan.adoption.without(plan.observed))
    if not plan.changes:
        return None
    if plan.release.secrets() - set(plan.current.secrets):
        volumes = daemon(host, plan.detected.runtime).volumes()["Volumes"] or ()
        names = [volume["Name"] for volume in volumes]
        refuse_lost_secrets(plan.release, plan.current.secrets, names)
    tools = host.get_fact(
        Tools, docker_cli=plan.detected.runtime.docker_cli, directory=plan.detected.directory
    )
    refuse_tools(tools, plan.changes, plan.settings.min_free_disk)
    if plan.changes.of("build"):
        build_secrets(plan.settings)
    ports = wanted_ports(plan.release, plan.changes)
    if ports:
        listeners = host.get_fact(Listeners, ports=tuple(ports))
        lost = perhaps_lost(host, plan, listeners) if restarts_docker(plan) else frozenset()
        refuse_ports(plan.release, ports, listeners, plan.observed, lost)
        for port in sorted(lost):
            host.log_styled(_LOST.format(port=port, service=ports[port]), fg="yellow")
    checked: ToolsInfo = tools
    return checked
