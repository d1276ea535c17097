"""What a container should be, field by field, in the words of the stack's data.

The same type describes what a host runs (`stack/changes/observed.py`), so that the two can be
compared.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from stack.model import Allocation, HealthCheck, Service, Stack
from stack.quantities import cores_of
from stack.release import digest
from stack.release.images import STACK_LABEL, Image
from stack.settings import Settings

SERVICE_LABEL = "dev.drydock.service"
RELEASE_LABEL = "dev.drydock.release"
"""Container label: the digest of the service's own part of the release."""
ROUTES_LABEL = "dev.drydock.routes"
"""Container label: whose requests it leads, and how it is asked to lead them elsewhere, in JSON."""
STAND_IN_LABEL = "dev.drydock.stands-in-for"
"""Container label: the service that it answers for while that one is replaced."""
SWARM_LABEL = "dev.drydock.swarm"
"""Label on services, containers, secrets and networks of a swarm: the stack that they belong to.

Not the label of a stack on one Mac, whose deploy would take these containers for strays.
"""

LOG_OPTIONS = {"max-size": "10m", "max-file": "3"}


@dataclass(frozen=True)
class Container:
    """A container without its resources: a difference here means a new container."""

    image: str
    """Digest of the image's content."""
    command: tuple[str, ...] | None
    environment: Mapping[str, str]
    user: str | None
    """None: the image's own."""
    ports: tuple[str, ...]
    """127.0.0.1:8200->8200"""
    mounts: tuple[str, ...]
    """volume or path, a colon, the path in the container, and :ro where it is read-only"""
    tmpfs: tuple[str, ...]
    shared_memory_bytes: int
    health: Mapping[str, object]
    labels: Mapping[str, str]
    networks: tuple[str, ...]
    pids_limit: int
    stop_grace_s: int
    read_only: bool = True
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ("ALL",)
    security: tuple[str, ...] = ("no-new-privileges:true",)
    restart: str = "unless-stopped"
    init: bool = True
    log: str = "json-file max-file=3 max-size=10m"


def desired_container(
    stack: Stack,
    name: str,
    image: Image,
    allocation: Allocation,
    settings: Settings,
    secrets_directory: str,
) -> Container:
    """The container of one service, with `{release}` in its environment filled in."""
    service = stack.services[name]
    container = Container(
        image=image.digest,
        command=service.command,
        environment=_environment(name, service, allocation),
        user=service.user,
        ports=_ports(service, settings),
        mounts=tuple(
            sorted(
                [f"{stack.volume_name(volume)}:{path}" for volume, path in service.volumes.items()]
                + [f"{secrets_directory}/{s}:/run/secrets/{s}:ro" for s in service.secrets]
                + [f"{at}:{to}:ro" for at, to in shown(service, secrets_directory).items()]
            )
        ),
        tmpfs=tuple(sorted(service.tmpfs)),
        shared_memory_bytes=service.shared_memory,
        health=health_fields(service.health),
        labels={STACK_LABEL: stack.name, SERVICE_LABEL: name, **routes_label(service)},
        networks=(stack.name,),
        pids_limit=service.pids_limit,
        stop_grace_s=service.stop_grace_s,
    )
    release = digest.of_data(asdict(container))[: digest.SHORT]
    filled = {key: v.replace("{release}", release) for key, v in container.environment.items()}
    return replace(
        container, environment=filled, labels={**container.labels, RELEASE_LABEL: release}
    )


def shown(service: Service, secrets_directory: str) -> dict[str, str]:
    """Absolute path on the host → path in the container, of directories that a service may read."""
    beside = secrets_directory.rpartition("/")[0]
    return {f"{beside}/{name}": path for name, path in service.host_directories.items()}


def routes_label(service: Service) -> dict[str, str]:
    """How a service that leads requests to others is asked to, as its container tells it."""
    return {ROUTES_LABEL: service.routes.model_dump_json()} if service.routes else {}


def _environment(name: str, service: Service, allocation: Allocation) -> dict[str, str]:
    environment = {
        key: value.replace("{workers}", str(service.workers)).replace("{service}", name)
        for key, value in service.environment.items()
    }
    if service.threads == "environment" and allocation.cpuset:
        threads = str(len(cores_of(allocation.cpuset)))
        environment |= {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    return environment


def _ports(service: Service, settings: Settings) -> tuple[str, ...]:
    if service.port is None:
        return ()
    return (f"{settings.bind_address}:{service.published_port}->{service.port}",)


def health_fields(health: HealthCheck) -> dict[str, object]:
    """A health check as the daemon keeps it; the deploy's own deadline is no part of it."""
    return {
        "test": ["CMD", *health.test],
        "interval_s": _number(health.interval_s),
        "timeout_s": _number(health.timeout_s),
        "retries": health.retries,
        "start_period_s": _number(health.start_period_s),
        "start_interval_s": _number(health.start_interval_s),
    }


def _number(value: float) -> float:
    """The same number in the same digits, whether it was said in data or read from a file."""
    return int(value) if value == int(value) else value
