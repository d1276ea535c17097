"""What a host is to a swarm, and what the swarm has of a stack, from the daemons' own answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, DockerException, NotFound
from pyinfra.api.host import Host
from pyinfra.context import ctx_host
from requests.exceptions import RequestException

from facts.detect import Detected, inputs_of, locate
from facts.observe import observe
from facts.pins import pins_in
from facts.releases import current_release
from facts.requirements import refuse_chip
from link.daemon import daemon
from stack.changes.lock import LockInfo
from stack.changes.observed import Observed
from stack.daemon import daemon_of
from stack.errors import DrydockError
from stack.load import Inputs
from stack.model import Map, Stack
from stack.release.containers import SERVICE_LABEL, SWARM_LABEL
from stack.release.images import STACK_LABEL
from stack.release.launchd import FoundMonitor
from stack.release.render import Release, render_release
from stack.swarm.compare import with_names
from stack.swarm.membership import FoundNode, Member, member_of, node_of
from stack.swarm.placement import Node
from stack.swarm.spec import KEPT_AS_LABEL, network_name, swarm_name
from stack.swarm.steps import Found, FoundService, hosts_by_service

Json = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """A host of a swarm as it is."""

    host: Host
    inputs: Inputs
    detected: Detected
    observed: Observed
    """Its images, among others."""
    member: Member
    volumes: frozenset[str]
    cpusets: Mapping[str, str]
    """Service whose container runs here → its cores, "" for all."""
    own_directory: str
    """Where deploy.py would keep the stack, absolute: the monitor of both is there."""
    monitor: FoundMonitor
    lock: LockInfo | None = None
    """Who holds that directory's lock."""

    @property
    def name(self) -> str:
        """What the inventory calls it."""
        return self.member.host

    def node(self, runs: frozenset[str]) -> Node:
        """The host as the planner sees it."""
        own = self.detected.daemon
        return Node(self.name, own.cpus, own.memory_bytes, self.volumes, runs)


def look_at(host: Host) -> Look:
    """Ask a host for all that a swarm needs to know of it; DrydockError says what is missing."""
    with ctx_host.use(host):
        try:
            return _look_at(host)
        except DrydockError as error:
            raise DrydockError(f"{host.name}: {error}") from error
        except (DockerException, RequestException) as error:
            raise DrydockError(f"{host.name}: its daemon stopped answering: {error}") from error


def _look_at(host: Host) -> Look:
    inputs = inputs_of(host)
    stack, settings = inputs.stack, inputs.settings
    located = locate(host, settings, stack.name, lambda chip: refuse_chip(inputs, chip))
    api = daemon(host, located.runtime)
    info = api.info()
    observed = observe(host, located.runtime, stack, pins_in(settings.images_lock))
    _refuse_stack_of_its_own(stack, observed)
    # Apart from the stack that the Mac may have run by itself: its releases stay as they are.
    directory = f"{located.directory}.swarm"
    environment = {**located.docker_environment, "DOCKER_CONFIG": f"{directory}/docker"}
    parts = {**vars(located), "directory": directory, "docker_environment": environment}
    address = settings.swarm_address
    if address is None and located.account is None:
        # The daemon of a host without a VM is where the host is.
        address = host.data.get("ssh_hostname") or None
    current = current_release(host, located.directory)
    return Look(
        host=host,
        inputs=inputs,
        detected=Detected(**parts, daemon=daemon_of(info)),
        observed=observed,
        member=member_of(host.name, located.runtime.runtime, address, info),
        volumes=frozenset(it["Name"] for it in api.volumes()["Volumes"] or ()),
        cpusets={name: cpuset for name, (_, cpuset) in containers_of(api, stack).items()},
        own_directory=located.directory,
        monitor=current.monitor if located.account is not None else FoundMonitor(),
        lock=current.lock,
    )


def containers_of(api: APIClient, stack: Stack) -> dict[str, tuple[str, str]]:
    """Service → id and cpuset of its container that runs on a node; an empty one is all cores."""
    found = {}
    for listed in api.containers(filters={"label": f"{SWARM_LABEL}={stack.name}"}):
        try:
            inspected = api.inspect_container(listed["Id"])
        except NotFound:
            continue  # Ended since it was listed.
        cpuset: str = inspected["HostConfig"]["CpusetCpus"]
        found[listed["Labels"][SERVICE_LABEL]] = (listed["Id"], cpuset)
    return found


def _refuse_stack_of_its_own(stack: Stack, observed: Observed) -> None:
    own = [n for n, it in observed.containers.items() if it.labels.get(STACK_LABEL) == stack.name]
    if own:
        raise DrydockError(
            f"runs the stack by itself ({', '.join(sorted(own))}), as deploy.py left it: remove"
            " these containers first (docker rm --force); their volumes stay, and are used"
        )


def release_on(look: Look, stack: Stack, core_map: Map, digests: Mapping[str, str]) -> Release:
    """A stack's images and containers as a host's daemon would have them."""
    return render_release(
        stack=stack,
        core_map=core_map,
        tag=look.detected.chip.tag,
        architecture=look.detected.daemon.architecture,
        settings=look.inputs.settings,
        upstream_digests=digests,
        secrets_directory=look.detected.secrets_directory,
        project=Path.cwd(),
        # The monitor of a swarm keeps cores, and writes no figures.
        monitored=False,
    )


def read_nodes(api: APIClient) -> list[FoundNode]:
    """The nodes as a manager knows them; DrydockError where the managers have no quorum."""
    try:
        return [node_of(it) for it in api.nodes()]
    except APIError as error:
        raise DrydockError(
            f"the swarm's managers don't answer: {error.explanation}; more than half of them must"
            " run: start those Macs, or begin anew on one that is left (docker swarm init"
            " --force-new-cluster)"
        ) from error


def read_found(api: APIClient, inputs: Inputs, nodes: Mapping[str, FoundNode]) -> Found:
    """What the swarm has of a stack.

    + nodes: host → its node
    """
    stack = inputs.stack
    network = network_name(stack, encrypted=inputs.settings.swarm_encryption)
    label = {"label": f"{SWARM_LABEL}={stack.name}"}
    networks = {it["Id"]: it["Name"] for it in api.networks(filters={"scope": "swarm"})}
    listed: list[Json] = api.services(filters=label)  # type: ignore[no-untyped-call]
    running = _running(api, listed, {it.id: host for host, it in nodes.items()})
    prefix = swarm_name(stack, "")
    secrets = sorted(api.secrets(filters=label), key=lambda it: str(it["CreatedAt"]))
    return Found(
        services={
            it["Spec"]["Name"].removeprefix(prefix): FoundService(
                with_names(it["Spec"], networks), running.get(it["ID"])
            )
            for it in listed
        },
        secrets={it["Spec"]["Labels"].get(KEPT_AS_LABEL, ""): it["Spec"]["Name"] for it in secrets},
        all_secrets=[it["Spec"]["Name"] for it in secrets],
        has_network=network in networks.values(),
        labelled=hosts_by_service(stack, nodes),
    )


def _running(api: APIClient, services: list[Json], hosts: Mapping[str, str]) -> dict[str, str]:
    """Service id → host on which its task runs; one with a health check runs when healthy."""
    if not services:
        return {}
    wanted = {"service": [it["ID"] for it in services], "desired-state": "running"}
    tasks: list[Json] = api.tasks(filters=wanted)  # type: ignore[no-untyped-call]
    return {
        it["ServiceID"]: hosts[it["NodeID"]]
        for it in tasks
        if it["Status"]["State"] == "running" and it.get("NodeID") in hosts
    }
