"""Keep a swarm's containers on the cores that the planner chose, while they run."""

from collections.abc import Generator

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.swarm import containers_of
from facts.swarm_plan import SwarmPlan
from link.daemon import daemon
from operations.refusal import step
from stack.swarm.cores import same_cores
from stack.swarm.steps import Kind

CHANGES_CORES: tuple[Kind, ...] = ("create", "update", "wait", "place", "cores")


@operation()
def pin(swarm: SwarmPlan) -> Generator[PyinfraCommand, None, None]:
    """Give each node's running containers their cores, live.

    + swarm: what was changed

    Swarm knows nothing of it: a container that it makes anew has all cores until the monitor of its
    Mac, or the next run, gives it its own.
    """
    if swarm.of(*CHANGES_CORES):
        yield step(_pin, swarm)


def _pin(host: Host, swarm: SwarmPlan) -> bool:
    for look in swarm.looks.values():
        api = daemon(look.host, look.detected.runtime)
        for service, (container, cpuset) in containers_of(api, swarm.stack).items():
            wanted = swarm.cores.get(service, "")
            if not same_cores(cpuset, wanted, look.detected.daemon):
                api.update_container(container, cpuset_cpus=wanted)
                host.log(f"{service}: on cores {wanted} of {look.name}")
    return True
