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


def monitor_job(
    kind: Kind,
    stack: str,
    account: Account,
    directory: str,
    docker: Mapping[str, str],
    min_free_bytes: int,
) -> Job:
    """The job for a host that runs the stack by itself.

    + directory: the stack's, absolute
    + docker: variables that the monitor's Docker CLI needs, its own path as `docker_cli`
    + min_free_bytes: free disk below which the monitor alerts
    """
    variables = {"min_free_kib": str(min_free_bytes // 1024), **docker}
    return _job_of(kind, stack, account, directory, variables, _read(MONITOR))


def cores_job(
    kind: Kind,
    stack: str,
    account: Account,
    directory: str,
    docker: Mapping[str, str],
    cores: str,
) -> Job:
    """The job for a node of a swarm.

    + directory, docker: as for `monitor_job`
    + cores: service and its cores there, with a tab between them, a line each
    """
    files = {CORES_FILE: cores.encode(), **_read(CORES)}
    return _job_of(kind, stack, account, directory, {"stack": stack, **docker}, files)


def _read(names: Iterable[str]) -> dict[str, bytes]:
    return {name: (HOME / "templates/monitor" / name).read_bytes() for name in names}


def _job_of(
    kind: Kind,
    stack: str,
    account: Account,
    directory: str,
    variables: Mapping[str, str],
    files: Mapping[str, bytes],
) -> Job:
    """A job that runs the last of these files, which needs the others."""
    label = label_of(stack)
    plist: dict[str, object] = {
        "Label": label,
        "ProgramArguments": ["/bin/sh", f"{directory}/monitor/{[*files][-1]}"],
        "EnvironmentVariables": {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "directory": directory,
            **variables,
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
    return Job(kind, label, {**files, f"{label}.plist": plistlib.dumps(plist)})


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
