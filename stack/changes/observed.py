"""What a host runs, read from the daemon's own answers, in the words of release/containers.py."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stack.model import CPU_SHARES, Allocation
from stack.quantities import cores_of, show_cores
from stack.release.containers import Container
from stack.release.images import LABEL, PARTS_LABEL

Json = Mapping[str, Any]
SECOND_NS = 1_000_000_000
ANONYMOUS = re.compile(r"[0-9a-f]{64}")
"""The name that the daemon gives a volume which nobody named."""


@dataclass(frozen=True)
class ObservedImage:
    """An image on the host."""

    id: str
    tags: tuple[str, ...]
    digest: str | None
    """Digest of its content, if Drydock built it."""
    parts: Mapping[str, str]
    environment: Mapping[str, str]
    user: str
    command: tuple[str, ...]
    volumes: tuple[str, ...]
    """Paths where the daemon puts an anonymous volume, unless something is mounted there."""


@dataclass(frozen=True)
class ObservedContainer:
    """A container on the host, running or not."""

    id: str
    name: str
    labels: Mapping[str, str]
    status: str
    """created, running, paused, restarting, removing, exited or dead"""
    health: str | None
    """starting, healthy, unhealthy; None without a health check"""
    exit_code: int
    oom_killed: bool
    started_at: str
    image_id: str
    resources: Allocation
    inspected: Json = field(repr=False)
    """All that the daemon says of it; of others' containers, their secrets too."""

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.status == "running"

    @property
    def held_ports(self) -> frozenset[int]:
        """Ports on the host that it holds now."""
        if self.status not in ("running", "paused", "restarting"):
            return frozenset()
        bindings = (self.inspected["HostConfig"].get("PortBindings") or {}).values()
        ports = (each["HostPort"] for binding in bindings for each in binding or ())
        return frozenset(int(port) for port in ports if port)


@dataclass(frozen=True)
class Observed:
    """All of a stack that a host has, at one moment."""

    containers: Mapping[str, ObservedContainer]
    """By container name: those of the stack, and others that hold a name the stack wants."""
    images: Mapping[str, ObservedImage]
    """By image id."""
    upstream_digests: Mapping[str, str]
    """Upstream reference → digest, as far as it is known."""
    missing_upstream: tuple[str, ...]
    """Upstream references that the host has no image of yet."""
    in_swarm: bool = False
    """Whether the host runs containers of the stack as a node of a swarm."""

    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The stack's own networks → containers on each, whoever made those."""

    def image_by_digest(self, digest: str) -> ObservedImage | None:
        """An image with that content, whatever it is tagged."""
        return next((i for i in self.images.values() if i.digest == digest), None)

    def image_by_tag(self, reference: str) -> ObservedImage | None:
        """The image that a tag stands for now."""
        return next((i for i in self.images.values() if reference in i.tags), None)


def read_image(inspected: Json) -> ObservedImage:
    """Read one answer of the daemon's image inspect."""
    config = inspected.get("Config") or {}
    labels = config.get("Labels") or {}
    return ObservedImage(
        id=inspected["Id"],
        tags=tuple(inspected.get("RepoTags") or ()),
        digest=labels.get(LABEL),
        parts=json.loads(labels.get(PARTS_LABEL, "{}")),
        environment=_environment(config),
        user=config.get("User") or "",
        command=tuple(config.get("Cmd") or ()),
        volumes=tuple(config.get("Volumes") or ()),
    )


def read_container(inspected: Json) -> ObservedContainer:
    """Read one answer of the daemon's container inspect."""
    state, host = inspected["State"], inspected["HostConfig"]
    return ObservedContainer(
        id=inspected["Id"],
        name=inspected["Name"].removeprefix("/"),
        labels=inspected["Config"].get("Labels") or {},
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status"),
        exit_code=state["ExitCode"],
        oom_killed=state["OOMKilled"],
        started_at=state["StartedAt"],
        image_id=inspected["Image"],
        resources=Allocation(
            cpuset=show_cores(cores_of(host["CpusetCpus"])) if host.get("CpusetCpus") else None,
            cpus=_cpus(host),
            memory_bytes=host["Memory"],
            reservation_bytes=host["MemoryReservation"],
            # 0: nothing is said, and the daemon gives what it gives to all.
            cpu_shares=host.get("CpuShares") or CPU_SHARES["throughput"],
        ),
        inspected=inspected,
    )


def _cpus(host: Json) -> float:
    if host.get("NanoCpus"):
        return float(host["NanoCpus"]) / SECOND_NS
    if host.get("CpuQuota", 0) > 0:
        return float(host["CpuQuota"]) / (host.get("CpuPeriod") or 100_000)
    return 0.0


def as_container(
    observed: ObservedContainer, image: ObservedImage | None, desired: Container
) -> Container:
    """A container as it is, in the form of what it should be.

    What the image itself says (environment, user, command, volumes) is left out unless the
    desired container says it too, so that only what somebody set shows as a difference.
    """
    config, host = observed.inspected["Config"], observed.inspected["HostConfig"]
    inherited = image.environment if image else {}
    environment = _environment(config)
    own = {
        key: value
        for key, value in environment.items()
        if key in desired.environment or inherited.get(key) != value
    }
    user, command = config.get("User") or None, tuple(config.get("Cmd") or ())
    return Container(
        image=(image.digest or image.id) if image else observed.image_id,
        command=None if desired.command is None and image and command == image.command else command,
        environment=own,
        user=None if desired.user is None and image and user == (image.user or None) else user,
        ports=_ports(host),
        mounts=_mounts(observed.inspected["Mounts"], image.volumes if image else (), desired),
        tmpfs=tuple(sorted(host.get("Tmpfs") or ())),
        shared_memory_bytes=host["ShmSize"],
        health=_health(config.get("Healthcheck") or {}),
        labels={key: value for key, value in observed.labels.items() if key in desired.labels},
        networks=tuple(sorted(observed.inspected["NetworkSettings"]["Networks"])),
        pids_limit=host.get("PidsLimit") or 0,
        stop_grace_s=config.get("StopTimeout") or 10,
        read_only=host["ReadonlyRootfs"],
        privileged=host["Privileged"],
        cap_add=tuple(host.get("CapAdd") or ()),
        cap_drop=tuple(host.get("CapDrop") or ()),
        security=tuple(host.get("SecurityOpt") or ()),
        restart=host["RestartPolicy"]["Name"],
        init=bool(host.get("Init")),
        log=_log(host["LogConfig"]),
    )


def _environment(config: Json) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in config.get("Env") or ())
    return {key: value for key, _, value in pairs}


def _ports(host: Json) -> tuple[str, ...]:
    return tuple(
        f"{binding['HostIp'] or '0.0.0.0'}:{binding['HostPort']}->{port.removesuffix('/tcp')}"  # noqa: S104
        for port, bindings in sorted((host.get("PortBindings") or {}).items())
        for binding in bindings or ()
    )


def _mounts(
    mounts: Iterable[Json], image_volumes: tuple[str, ...], desired: Container
) -> tuple[str, ...]:
    return tuple(
        sorted(
            _mount(mount)
            for mount in mounts
            if mount["Destination"] not in image_volumes
            or _mount(mount) in desired.mounts
            or not ANONYMOUS.fullmatch(mount.get("Name", ""))
        )
    )


def _mount(mount: Json) -> str:
    # Docker Desktop shows a bind mount by its path inside the VM.
    path = mount.get("Source", "").removeprefix("/host_mnt")
    source = mount["Name"] if mount["Type"] == "volume" else path
    return f"{source}:{mount['Destination']}" + ("" if mount["RW"] else ":ro")


def _health(check: Json) -> dict[str, object]:
    def seconds(key: str) -> float:
        return float(check.get(key, 0)) / SECOND_NS

    return {
        "test": list(check.get("Test") or ()),
        "interval_s": seconds("Interval"),
        "timeout_s": seconds("Timeout"),
        "retries": check.get("Retries", 0),
        "start_period_s": seconds("StartPeriod"),
        "start_interval_s": seconds("StartInterval"),
    }


def _log(config: Json) -> str:
    options = (f"{key}={value}" for key, value in sorted((config.get("Config") or {}).items()))
    return " ".join([config["Type"], *options])
