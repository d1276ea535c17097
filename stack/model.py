"""A stack as data: its services, how they are built, what they need, and their demands.

`group_data/all.py` is a live sample of every key. `stack/load.py` reads the data and words the
errors; this module says what is right.
"""

from typing import Literal

from pydantic import Field, model_validator

from stack.backup import Backup
from stack.fields import (
    AbsolutePath,
    Argument,
    Cpus,
    Cpuset,
    Data,
    EnvironmentName,
    ImageReference,
    Line,
    MemoryBytes,
    Name,
    Port,
    RelativePath,
    VolumeName,
    Word,
)
from stack.routing import Routes

PHASES = ("infrastructure", "core", "engines", "frontend")
Phase = Literal["infrastructure", "core", "engines", "frontend"]
OWN_DIRECTORIES = {"current", "docker", "lock", "logs", "releases", "secrets"}
"""Names in a stack's directory on the host that no service may be shown."""


class HealthCheck(Data):
    """How the daemon asks a container whether it is healthy."""

    test: tuple[Word, ...] = Field(min_length=1)
    """Command and arguments, run in the container without a shell."""
    interval_s: float = Field(15, gt=0)
    timeout_s: float = Field(5, gt=0)
    retries: int = Field(3, ge=1)
    start_period_s: float = Field(60, ge=0)
    start_interval_s: float = Field(1, gt=0)
    """How often to ask until the first success (Docker 25 and later)."""
    deadline_s: float = Field(120, gt=0)
    """How long a deploy waits for the service to become healthy."""


class Build(Data):
    """How an image comes about: a Dockerfile template, its base images and its context."""

    dockerfile: Name
    """templates/images/NAME.Dockerfile.j2"""
    bases: tuple[Name, ...] = Field(min_length=1)
    """Names from the stack's `bases` or `images`; in the template `{{ bases.NAME }}`."""
    context: tuple[str, ...] = ()
    """Globs of files, relative to the project, copied into the build context."""
    rendered: dict[RelativePath, RelativePath] = Field(default_factory=dict)
    """File in the build context → template that renders it."""
    arguments: dict[str, Argument] = Field(default_factory=dict)
    """Values for the Dockerfile template and the rendered files."""


class Service(Data):
    """One container of the stack."""

    phase: Phase
    when: Literal["alert_webhook"] | None = None
    """The setting of a host without which this service is no part of its stack."""
    image: ImageReference | None = None
    build: Build | None = None
    """Exactly one of `image` (run as it is) and `build`."""
    needs: tuple[Name, ...] = ()
    """Services that must be healthy before this one starts, in this phase or an earlier one."""
    container_name: Name | None = None
    """Default: STACK-SERVICE."""
    command: tuple[Word, ...] | None = None
    port: Port | None = None
    """The port inside the container."""
    host_port: Port | None = None
    """The port on the host; default: none is published, unless `port` is; then the same."""
    environment: dict[EnvironmentName, Word] = Field(default_factory=dict)
    """`{release}`, `{workers}` and `{service}` in a value stand for this service's own."""
    secrets: tuple[Name, ...] = ()
    """Files under /run/secrets, generated on the host at first need."""
    rotate: dict[Name, tuple[Word, ...]] = Field(default_factory=dict)
    """Secret of any service that this one judges by → command in its container that changes it."""
    volumes: dict[Name, AbsolutePath] = Field(default_factory=dict)
    """Named volume → path in the container."""
    host_directories: dict[Name, AbsolutePath] = Field(default_factory=dict)
    """Directory beside the stack's releases on the host → path in the container, read-only."""
    backup: Backup | None = None
    """How the data in its volumes is saved and brought back."""
    tmpfs: tuple[AbsolutePath, ...] = ("/tmp",)  # noqa: S108 - a path in the container
    shared_memory: MemoryBytes = 64 * 2**20
    """Size of /dev/shm; it counts towards the memory limit."""
    health: HealthCheck
    endpoint: str | None = Field(None, pattern=r"^/[A-Za-z0-9._/-]*$")
    """An HTTP path that answers 200 with JSON whose `release` is this service's own."""
    page: Line | None = None
    """What a person finds at the port, for the list of addresses."""
    routes: Routes | None = None
    """Services that it leads requests to, and how it is told to lead them elsewhere."""
    user: str | None = Field(None, pattern=r"^[a-z0-9_][a-z0-9_-]*(:[a-z0-9_-]+)?$")
    """Default: the image's own user."""
    workers: int = Field(1, ge=1, le=64)
    latency_class: Literal["latency", "throughput"] = "throughput"
    cpus: Cpus
    memory: MemoryBytes
    reservation: MemoryBytes | None = None
    working_set: MemoryBytes | None = None
    """The memory without which it can't do its work; its limit never goes below it."""
    cpuset: Cpuset | None = None
    dedicated: bool = False
    """Whether its cores should carry nothing else."""
    pinned: bool = False
    """Whether the planner gives it cores of its own choice when no cpuset is said."""
    threads: Literal["affinity", "environment", "none"] = "none"
    """How its BLAS learns its cores: by itself, by variables (a new cpuset recreates it), not."""
    sized_at_start: bool = False
    """Whether it sizes its caches from its memory limit when it starts."""
    pids_limit: int = Field(512, ge=16)
    stop_grace_s: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _check(self) -> "Service":
        if (self.image is None) == (self.build is None):
            raise ValueError("say exactly one of 'image' and 'build'")
        if self.reservation is not None and self.reservation > self.memory:
            raise ValueError("'reservation' is above 'memory', its limit: lower it")
        if own := OWN_DIRECTORIES & self.host_directories.keys():
            raise ValueError(f"'host_directories': {min(own)!r} is Drydock's own: choose another")
        return self

    @property
    def published_port(self) -> int | None:
        """The port on the host, if there is one."""
        return self.host_port or self.port


class SizedFor(Data):
    """The machine that the demands are written for; a smaller one gets them fitted."""

    cpus: int = Field(ge=1)
    memory: MemoryBytes


class Stack(Data):
    """All services of a platform."""

    name: Name
    sized_for: SizedFor
    bases: dict[Name, ImageReference] = Field(default_factory=dict)
    """Upstream images that Dockerfiles build on."""
    images: dict[Name, Build] = Field(default_factory=dict)
    """Images that services' images, or others of these, build on."""
    overcommit: bool = False
    """Whether memory limits may add to more than the daemon has; reservations never do."""
    volume_names: dict[Name, VolumeName] = Field(default_factory=dict)
    """Volume → an existing one that it is, whoever made that; default: STACK-VOLUME."""
    project: Name | None = None
    """Compose's project; default: the stack's name."""
    services: dict[Name, Service] = Field(min_length=1)

    @property
    def compose_project(self) -> str:
        """What Compose knows the containers by."""
        return self.project or self.name

    def volume_name(self, volume: str) -> str:
        """The volume's name on the host."""
        return self.volume_names.get(volume, f"{self.name}-{volume}")

    def container_name(self, service: str) -> str:
        """The container's name on the host."""
        return self.services[service].container_name or f"{self.name}-{service}"

    def stand_in_name(self, service: str) -> str:
        """The name of the container that answers for a service while its own is replaced."""
        return f"{self.container_name(service)}-beside"


class CoreLevel(Data):
    """Cores of one kind, by the name that macOS gives."""

    name: str
    cores: int
    l2_bytes: int | None = None
    cores_per_l2: int | None = None


class Chip(Data):
    """A host's silicon."""

    name: str
    tag: str
    """What images are tagged with: m4max, m1, linux-x86-64."""
    levels: tuple[CoreLevel, ...]
    memory_bytes: int
    virtual: bool = False
    """Whether macOS itself runs in a virtual machine."""


class Daemon(Data):
    """The Docker Engine of a host, with the CPUs and memory of its Linux VM."""

    cpus: int
    memory_bytes: int
    architecture: str = "aarch64"


CPU_SHARES = {"latency": 4096, "throughput": 1024}
"""Latency class → weight of a container on a core that several want at the same time.

1024 is what the daemon gives a container of which nothing is said.
"""


class Allocation(Data):
    """What one service gets."""

    cpuset: str | None
    """None: any core."""
    cpus: float
    memory_bytes: int
    reservation_bytes: int
    cpu_shares: int = CPU_SHARES["throughput"]


class Finding(Data):
    """Something that a map or a host gets wrong."""

    code: str
    severity: Literal["warning", "info"]
    service: str | None = None
    """None: the whole map, or the host."""
    message: str


class Map(Data):
    """For each service what it gets, and what is wrong with that."""

    services: dict[str, Allocation]
    findings: tuple[Finding, ...] = ()
