"""Ports that Docker holds for containers that it has lost: it gives them back when restarted.

A daemon that is killed while a container starts maps the container's port again when it comes back,
and forgets for whom (moby#25981). No call of its API gives such a port back.
"""

import contextlib
from collections.abc import Generator, Iterable
from time import monotonic

from docker.errors import APIError, NotFound
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from facts.plan import HostPlan
from facts.ports import Listener, Listeners
from facts.requirements import lost_ports, refuse_ports, wanted_ports
from facts.runtime import Daemon as Answering
from facts.vm import Vm
from facts.vm_plan import running_on
from link.daemon import daemon
from operations import journal
from operations.refusal import refused, step
from operations.vm.restart import ANSWERS_WITHIN_S, answering, not_again, run_all
from stack.errors import DrydockError
from stack.release.images import STACK_LABEL
from stack.vm.commands import commands_of
from stack.vm.size import NAMES, Size

TAKEN = "port is already allocated"
"""What the daemon says of a port that it has given away; of another program's: `in use`."""
SETTLED_WITHIN_S = 300
"""What isn't healthy again by then is left to the verification, seconds."""


def restarts_docker(plan: HostPlan) -> bool:
    """Whether Docker may be restarted, and there is a way to."""
    return plan.settings.restart_docker and plan.detected.runtime.runtime in NAMES


def perhaps_lost(host: Host, plan: HostPlan, listeners: Iterable[Listener]) -> frozenset[int]:
    """Ports that a service needs, that no container has, and that Docker may hold all the same."""
    containers = daemon(host, plan.detected.runtime).containers()
    published = {it.get("PublicPort") for found in containers for it in found.get("Ports") or ()}
    wanted = wanted_ports(plan.release, plan.changes)
    return lost_ports(plan.release, wanted, listeners, plan.observed, published)


@operation()
def ports(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Restart Docker where it holds a port that a service needs for a container that it has lost.

    + plan: the services, and whether Docker may be restarted

    All containers are away meanwhile; it is awaited that they run and are healthy again.
    """
    if wanted_ports(plan.release, plan.changes) and restarts_docker(plan):
        yield step(_regain, plan)


def _regain(host: Host, plan: HostPlan) -> bool:
    wanted, runtime = wanted_ports(plan.release, plan.changes), plan.detected.runtime
    listeners = host.get_fact(Listeners, ports=tuple(wanted))
    lost = {it for it in perhaps_lost(host, plan, listeners) if _is_lost(host, plan, it)}
    try:
        refuse_ports(plan.release, wanted, listeners, plan.observed, lost)
    except DrydockError as error:
        return refused(host, str(error))
    if not lost:
        return True
    began, running = monotonic(), running_on(host, runtime)
    named = f"{NAMES[runtime.runtime]}, which holds port {', '.join(map(str, sorted(lost)))}"
    host.log(f"restarting {named} for a container that it has lost")
    failure = _restart(host, runtime)
    if failure is None and (missing := not_again(host, runtime, running)):
        failure = f"not running again: {', '.join(missing)}"
    if failure is not None:
        return refused(host, failure)
    _settle(host, runtime)
    took_s = monotonic() - began
    journal.tell(host, "interruption", f"{named}, was restarted", seconds=took_s)
    # Who has no restart policy isn't started again, nor awaited.
    host.log(f"{sum(running.values())} containers run again after {took_s:.1f} s")
    return True


def _is_lost(host: Host, plan: HostPlan, port: int) -> bool:
    """Ask the daemon for the port, for a container that ends at once."""
    api, name = daemon(host, plan.detected.runtime), f"{plan.release.stack.name}-asks-for-port"
    images = [it["Id"] for it in api.images()]
    with contextlib.suppress(NotFound):  # Of a run that was cut off.
        api.remove_container(name, force=True, v=True)
    binding = api.create_host_config(port_bindings={port: (plan.settings.bind_address, port)})
    made = api.create_container(
        images[0],
        name=name,
        entrypoint=["true"],
        ports=[port],
        labels={STACK_LABEL: ""},
        host_config=binding,
    )
    try:
        api.start(made["Id"])
    except APIError as error:
        return TAKEN in str(error)
    finally:
        api.remove_container(made["Id"], force=True, v=True)
    return False


def _restart(host: Host, runtime: Answering) -> str | None:
    """Stop and start it; what failed, or None once its daemon answers."""
    vm = host.get_fact(
        Vm,
        runtime=runtime.runtime,
        docker_cli=runtime.docker_cli,
        docker_socket=runtime.docker_socket,
    )
    commands = commands_of(runtime.runtime, vm.program, runtime.docker_socket, Size())
    failure = run_all(host, commands.stop)
    failure = "\n".join(filter(None, (failure, run_all(host, commands.start))))
    if failure:
        return failure
    if answering(host, runtime) is None:
        return f"the daemon doesn't answer within {ANSWERS_WITHIN_S} s of its start"
    return None


def _settle(host: Host, runtime: Answering) -> None:
    """Wait until no container is still on its way to be healthy, or long enough."""
    api = daemon(host, runtime)
    patiently = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(SETTLED_WITHIN_S),
        wait=wait_exponential(0.1, max=2),
        retry_error_callback=lambda _: None,
    )
    patiently(lambda: api.containers(filters={"health": "starting"}))
