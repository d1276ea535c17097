"""What a service of a swarm should be, in the words of the Docker API."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from stack.model import Allocation, HealthCheck, Service, Stack
from stack.release import digest
from stack.release.containers import (
    LOG_OPTIONS,
    RELEASE_LABEL,
    SERVICE_LABEL,
    SWARM_LABEL,
    Container,
)
from stack.release.images import STACK_LABEL
from stack.settings import Settings

NAMESPACE_LABEL = "com.docker.stack.namespace"
"""By which `docker stack services STACK` finds them."""
KEPT_AS_LABEL = "dev.drydock.secret"
"""Label on a secret of the swarm: what services call it."""
OPEN = "0.0.0.0"  # noqa: S104 - where Swarm publishes a port, if it does
SECOND_NS = 1_000_000_000
RESTART_DELAY_S = 2
MONITOR_S = 5
"""How long a new task is watched before an update has succeeded, after it became healthy."""

Spec = dict[str, Any]


def swarm_name(stack: Stack, name: str) -> str:
    """What a service, or the network, is called in the swarm: harbour_tide."""
    return f"{stack.name}_{name}"


def node_label(stack: Stack, service: str) -> str:
    """Label of the nodes on which a service may run."""
    return f"dev.drydock.{stack.name}.{service}"


def labels_of(stack: Stack) -> dict[str, str]:
    """Labels of all that belongs to a stack in a swarm."""
    return {SWARM_LABEL: stack.name, NAMESPACE_LABEL: stack.name}


def secret_name(stack: Stack, secret: str, value: str) -> str:
    """What a secret is called in the swarm: another value makes another secret."""
    return f"{stack.name}_{secret}_{digest.of_bytes(value.encode())[: digest.SHORT]}"


def network_name(stack: Stack, *, encrypted: bool) -> str:
    """What the network is called: an encrypted one is another network than a plain one."""
    return swarm_name(stack, "encrypted" if encrypted else "plain")


def network_spec(stack: Stack, *, encrypted: bool) -> Spec:
    """The network between a stack's services on all nodes; no other container may join it."""
    return {
        "name": network_name(stack, encrypted=encrypted),
        "driver": "overlay",
        "options": {"encrypted": ""} if encrypted else {},
        "labels": labels_of(stack),
        "scope": "swarm",
    }


def service_spec(
    stack: Stack,
    name: str,
    container: Container,
    allocation: Allocation,
    image: str,
    secrets: Mapping[str, str],
    settings: Settings,
) -> Spec:
    """One service as the API takes it, secrets and network by their names.

    + image: a tag that only this content has
    + secrets: secret → its name in the swarm
    + settings: whether ports are published, on every node or not at all; and the network
    """
    network = network_name(stack, encrypted=settings.swarm_encryption)
    ports = _ports(stack.services[name]) if settings.bind_address == OPEN else []
    rolling = partial(_rolling, stack.services[name])
    return {
        "Name": swarm_name(stack, name),
        "Labels": {**labels_of(stack), RELEASE_LABEL: container.labels[RELEASE_LABEL]},
        "TaskTemplate": {
            "ContainerSpec": _container(stack, name, container, image, secrets),
            "Resources": _resources(container, allocation),
            "RestartPolicy": {"Condition": "any", "Delay": RESTART_DELAY_S * SECOND_NS},
            "Placement": {"Constraints": [f"node.labels.{node_label(stack, name)} == yes"]},
            "Networks": [{"Target": network, "Aliases": [name]}],
            "LogDriver": {"Name": "json-file", "Options": LOG_OPTIONS},
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "UpdateConfig": rolling("rollback"),
        "RollbackConfig": rolling("pause"),
        # With one task each there is nothing to balance, and a virtual address would drop what is
        # idle for 15 minutes (moby#31208). Only the way in from outside needs one.
        "EndpointSpec": {"Mode": "vip" if ports else "dnsrr", "Ports": ports},
    }


def _container(
    stack: Stack, name: str, container: Container, image: str, secrets: Mapping[str, str]
) -> Spec:
    service = stack.services[name]
    return {
        "Image": image,
        # Its image says that it belongs to the stack of one Mac, and a container inherits that.
        "Labels": {SWARM_LABEL: stack.name, SERVICE_LABEL: name, STACK_LABEL: ""},
        "Env": [f"{key}={value}" for key, value in sorted(container.environment.items())],
        "Args": list(container.command or ()),
        "User": container.user or "",
        "Init": container.init,
        "ReadOnly": container.read_only,
        "CapabilityDrop": list(container.cap_drop),
        "Privileges": {"NoNewPrivileges": True},
        "Healthcheck": _health(service.health),
        "StopGracePeriod": container.stop_grace_s * SECOND_NS,
        "Mounts": _mounts(stack, service),
        "Secrets": [
            {
                "SecretName": secrets[secret],
                "File": {"Name": secret, "UID": "0", "GID": "0", "Mode": 0o444},
            }
            for secret in service.secrets
        ],
    }


def _mounts(stack: Stack, service: Service) -> list[Spec]:
    volumes = [
        {
            "Type": "volume",
            "Source": stack.volume_name(volume),
            "Target": path,
            "VolumeOptions": {"Labels": labels_of(stack)},
        }
        for volume, path in service.volumes.items()
    ]
    # Swarm has no size of /dev/shm, but mounts what it is told to.
    shared = {
        "Type": "tmpfs",
        "Target": "/dev/shm",  # noqa: S108 - a path in the container
        "TmpfsOptions": {"SizeBytes": service.shared_memory},
    }
    return [*volumes, *({"Type": "tmpfs", "Target": path} for path in service.tmpfs), shared]


def _resources(container: Container, allocation: Allocation) -> Spec:
    return {
        "Limits": {
            "NanoCPUs": round(allocation.cpus * SECOND_NS),
            "MemoryBytes": allocation.memory_bytes,
            "Pids": container.pids_limit,
        },
        "Reservations": {"MemoryBytes": allocation.reservation_bytes},
    }


def _health(health: HealthCheck) -> Spec:
    return {
        "Test": ["CMD", *health.test],
        "Interval": round(health.interval_s * SECOND_NS),
        "Timeout": round(health.timeout_s * SECOND_NS),
        "Retries": health.retries,
        "StartPeriod": round(health.start_period_s * SECOND_NS),
        "StartInterval": round(health.start_interval_s * SECOND_NS),
    }


def _rolling(service: Service, on_failure: str) -> Spec:
    return {
        "Parallelism": 1,
        "FailureAction": on_failure,
        "Monitor": MONITOR_S * SECOND_NS,
        # Two containers on one volume would both write to it.
        "Order": "stop-first" if service.volumes else "start-first",
    }


def _ports(service: Service) -> list[Spec]:
    if service.port is None:
        return []
    return [
        {
            "Protocol": "tcp",
            "TargetPort": service.port,
            "PublishedPort": service.published_port,
            "PublishMode": "ingress",
        }
    ]
