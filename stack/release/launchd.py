"""The job of launchd that watches over a stack on a Mac: its parts, and what a host has of it."""

import plistlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from stack.release.templates import HOME

INTERVAL_S = 60
MONITOR = ("look.sh", "monitor.awk", "monitor.sh")
"""Programs that watch a stack which the Mac runs by itself."""
CORES = ("look.sh", "cores.sh")
"""Programs that watch over the cores of a swarm's containers."""
CORES_FILE = "cores.tsv"
DAEMONS = "/Library/LaunchDaemons"
Kind = Literal["agent", "daemon"]


@dataclass(frozen=True)
class Account:
    """The user on a Mac whom the stack belongs to."""

    user: str
    uid: int
    home: str


@dataclass(frozen=True)
class Job:
    """A job of launchd that looks every minute."""

    kind: Kind
    """agent: the user's own, runs once they have logged in; daemon: root's file, runs always."""
    label: str
    files: Mapping[str, bytes]
    """Name in the monitor's directory → content; the property list is the one named LABEL.plist."""

    @property
    def plist(self) -> str:
        """The name of its property list."""
        return f"{self.label}.plist"


@dataclass(frozen=True)
class FoundMonitor:
    """What a host has of a monitor."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Name in the monitor's directory → SHA-256."""
    placed: Mapping[Kind, str] = field(default_factory=dict)
    """Where there is a property list for launchd → its SHA-256."""
    loaded: frozenset[Kind] = frozenset()

    @property
    def kinds(self) -> frozenset[Kind]:
        """As what it is there, loaded or not."""
        return self.loaded | self.placed.keys()


@dataclass(frozen=True)
class Work:
    """What a job does whenever it looks."""

    variables: Mapping[str, str]
    files: Mapping[str, bytes]
    """Name → content; launchd runs the last one, which needs the others."""


def watching(min_free_bytes: int) -> Work:
    """Watch over a stack that the Mac runs by itself.

    + min_free_bytes: free disk below which it alerts
    """
    return Work({"min_free_kib": str(min_free_bytes // 1024)}, _read(MONITOR))


def keeping_cores(stack: str, cores: str) -> Work:
    """Keep a swarm's containers on the cores of a node.

    + cores: service and its cores there, with a tab between them, a line each
    """
    return Work({"stack": stack}, {CORES_FILE: cores.encode(), **_read(CORES)})


def _read(names: Iterable[str]) -> dict[str, bytes]:
    return {name: (HOME / "templates/monitor" / name).read_bytes() for name in names}


def job_of(
    kind: Kind,
    stack: str,
    account: Account,
    directory: str,
    docker: Mapping[str, str],
    work: Work,
) -> Job:
    """The job for one host.

    + directory: the stack's, absolute
    + docker: variables that the job's Docker CLI needs, its own path as `docker_cli`
    """
    label = label_of(stack)
    plist: dict[str, object] = {
        "Label": label,
        "ProgramArguments": ["/bin/sh", f"{directory}/monitor/{[*work.files][-1]}"],
        "EnvironmentVariables": {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "directory": directory,
            **work.variables,
            **docker,
        },
        "StartInterval": INTERVAL_S,
        "RunAtLoad": True,
        # macOS gives it the cores and the disk that nobody else wants.
        "ProcessType": "Background",
        "StandardErrorPath": f"{directory}/monitor/errors.log",
        # Of the user's domain alone: in a session at the screen it would run a second time.
        **(
            {"UserName": account.user}
            if kind == "daemon"
            else {"LimitLoadToSessionType": "Background"}
        ),
    }
    return Job(kind, label, {**work.files, f"{label}.plist": plistlib.dumps(plist)})


def domain_of(kind: Kind, account: Account) -> str:
    """What launchctl calls the domain of such a job."""
    return "system" if kind == "daemon" else f"user/{account.uid}"


def place_of(kind: Kind, stack: str, account: Account) -> str:
    """Where launchd looks for the property list of a stack's monitor."""
    folder = DAEMONS if kind == "daemon" else f"{account.home}/Library/LaunchAgents"
    return f"{folder}/{label_of(stack)}.plist"


def kind_at(place: str) -> Kind:
    """As what launchd takes a property list that lies there."""
    return "daemon" if place.startswith(DAEMONS) else "agent"


def label_of(stack: str) -> str:
    """The name by which launchd knows the monitor of a stack."""
    return f"dev.drydock.{stack}.monitor"
