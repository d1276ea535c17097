"""Bring a swarm's services to what they should be, phase by phase, each when its needs are well."""

from collections.abc import Generator, Iterable
from typing import Any

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.context import state

from facts.swarm_plan import SwarmPlan
from operations import journal
from operations.health import ServiceFailedError
from operations.refusal import refused, step
from operations.swarm.health import TaskWatch
from operations.swarm.nodes import allow, node_ids
from operations.swarm.secrets import keep_secrets
from stack.swarm.spec import Spec, network_spec, swarm_name
from stack.swarm.steps import Kind, waves

CONVERGES: tuple[Kind, ...] = (
    "network", "secret", "create", "update", "wait", "place", "remove", "clear",
)  # fmt: skip


@operation()
def converge(swarm: SwarmPlan) -> Generator[PyinfraCommand, None, None]:
    """Create, update and move services until all are healthy where they belong.

    + swarm: what differs

    Until a service is healthy only its own node may run it; then Swarm may start it on the spares,
    too, when that node is lost.
    """
    if swarm.of(*CONVERGES):
        yield step(_converge, swarm)


def _converge(host: Host, swarm: SwarmPlan) -> bool:
    if failed := sorted(it.name for it in state.failed_hosts):
        return refused(host, f"{', '.join(failed)} failed before: services are left as they were")
    api, own = swarm.api, node_ids(swarm)
    try:
        names = keep_secrets(host, swarm)
        if swarm.of("network"):
            encrypted = swarm.settings.swarm_encryption
            api.create_network(**network_spec(swarm.stack, encrypted=encrypted))
        changing = set(swarm.of("create", "update", "wait", "place"))
        allow(swarm, own, {name: frozenset((swarm.places[name].node,)) for name in changing})
        watch = TaskWatch(host, swarm, own, total=len(changing))
        for wave in waves(swarm.stack):
            _bring(swarm, [name for name in wave if name in changing], names, watch)
    except ServiceFailedError as failure:
        # Its first line: the others are what the container said itself.
        journal.end(host, "failed", str(failure).splitlines()[:1])
        return refused(host, str(failure))
    allow(swarm, own, {name: frozenset((it.node, *it.spares)) for name, it in swarm.places.items()})
    for name in swarm.of("remove"):
        api.remove_service(swarm_name(swarm.stack, name))
    for name in swarm.of("clear"):
        api.remove_secret(name)
    return True


def _bring(
    swarm: SwarmPlan, services: Iterable[str], names: dict[str, str], watch: TaskWatch
) -> None:
    """Create or update services at once, and wait until all of them are healthy."""
    created, updated = swarm.of("create"), swarm.of("update")
    for service in services:
        spec = swarm.spec(service, names)
        watch.expect(service, spec)
        if service in created:
            swarm.api.create_service(**_arguments(swarm, spec))
        elif service in updated:
            found = swarm.api.inspect_service(spec["Name"])
            version = found["Version"]["Index"]
            swarm.api.update_service(found["ID"], version, **_arguments(swarm, spec))
    watch.until_healthy()


def _arguments(swarm: SwarmPlan, spec: Spec) -> dict[str, Any]:
    """A service as the SDK takes it, its secrets by their ids, too."""
    template = spec["TaskTemplate"]
    container = template["ContainerSpec"]
    ids = {it["Spec"]["Name"]: it["ID"] for it in swarm.api.secrets()}
    secrets = [{**it, "SecretID": ids[it["SecretName"]]} for it in container["Secrets"]]
    return {
        "task_template": {**template, "ContainerSpec": {**container, "Secrets": secrets}},
        "name": spec["Name"],
        "labels": spec["Labels"],
        "mode": spec["Mode"],
        "update_config": spec["UpdateConfig"],
        "rollback_config": spec["RollbackConfig"],
        "endpoint_spec": spec["EndpointSpec"],
    }
