"""The report of one run on one host: what was measured, and nothing else.

`report.html`, `report.json` and the summary in the terminal are all made from this model. What
wasn't observed is null, and `unmeasured` says why.
"""

from pydantic import ConfigDict, Field, computed_field

from stack.fields import Data
from stack.model import Chip, Daemon, Finding
from stack.report.measured import Row, Timeline

FORMAT = 1


class About(Data):
    """Which run, of what, by whom."""

    host: str
    """As the inventory calls it."""
    stack: str
    release: str
    former: str | None = None
    """The release that was current before: another one, the same, or none."""
    tag: str
    made_at: str
    """When the host had been looked at, UTC."""
    who: str
    why: str | None = None
    """What the operator said of it."""
    took_s: float
    """From the run's begin until all had been measured."""


class Mac(Data):
    """The host, and the virtual machine that its containers run in."""

    chip: Chip
    system: str | None
    """The operating system with its version."""
    runtime: str
    """Which program runs the daemon: docker-desktop, orbstack, colima, rancher, linux."""
    docker_version: str
    daemon: Daemon


class Place(Data):
    """What one service gets in a map."""

    cpuset: str | None
    """None: any core."""
    cpus: float
    memory_bytes: int


class ShownMap(Data):
    """One map of cores: the one that runs, or another to compare it with."""

    title: str
    source: str
    """Where it is from, in a sentence."""
    cpus: int
    """Cores that it is for."""
    services: dict[str, Place]
    levels: tuple[tuple[str, int], ...]
    """The chip's core levels with how many of these cores are counted to each, in their order."""
    core_loads: tuple[float, ...]
    """CPUs on each core, a service's spread evenly over its cpuset."""


class Service(Data):
    """One service as it was found."""

    name: str
    phase: str
    needs: tuple[str, ...]
    found: Row
    place: Place | None
    """What the daemon says that its container has; None: there is no container."""
    reservation_bytes: int | None
    running_since: str | None
    """When its container was last started, by the daemon's clock, UTC."""
    restarts: int | None
    """How often the daemon has restarted it since it was made."""
    page: str | None = None
    """What a person finds at `address`."""
    address: str | None = None


class Report(Data):
    """All of it."""

    # What is computed is written, too, and not read.
    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int = FORMAT
    about: About
    mac: Mac
    services: tuple[Service, ...]
    maps: tuple[ShownMap, ...]
    """First the one that runs, then another, if the data has one."""
    timeline: Timeline | None
    """What was pulled, built and started by this run, or by the last one that did any of it."""
    timeline_is_now: bool
    """Whether it is this run's."""
    changes: tuple[str, ...]
    """What this run changed, a sentence each."""
    interruption_s: dict[str, float] = Field(default_factory=dict)
    """Replaced service → how long it was away."""
    findings: tuple[Finding, ...]
    failed: str | None = None
    """Why the run failed before it was verified; what is told here was found after that."""
    problems: tuple[str, ...]
    """What verification found to be wrong."""
    unmeasured: dict[str, str] = Field(default_factory=dict)
    """What isn't in here → why."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The services as they were found."""
        return tuple(service.found for service in self.services)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def healthy(self) -> int:
        """Containers that are healthy."""
        return sum(row.health == "healthy" for row in self.rows)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def answering(self) -> tuple[int, int]:
        """Endpoints that answer with their own release, of all."""
        answers = [row.answer for row in self.rows if row.answer]
        return sum(answer.problem is None for answer in answers), len(answers)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def memory_used_bytes(self) -> int | None:
        """What the measured containers use together; None when none was."""
        used = [row.usage.memory_bytes for row in self.rows if row.usage]
        return sum(used) if used else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cpu_percent(self) -> float | None:
        """What the measured containers use together, 100 being one core."""
        measured = [row.usage.cpu_percent for row in self.rows if row.usage]
        used = [it for it in measured if it is not None]
        return sum(used) if used else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sampled_s(self) -> tuple[float, float] | None:
        """The shortest and the longest while over which a container's CPU was measured."""
        samples = [row.usage.over_s for row in self.rows if row.usage]
        return (min(samples), max(samples)) if samples else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> str:
        """16/16 containers healthy, 10/10 endpoints answer with their own release."""
        answering, endpoints = self.answering
        return (
            f"{self.healthy}/{len(self.rows)} containers healthy,"
            f" {answering}/{endpoints} endpoints answer with their own release"
        )
