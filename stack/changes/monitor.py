"""What differs between the monitor that a Mac should have and the one that it has."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stack.changes.change import Change, Changes
from stack.release import digest
from stack.release.launchd import Account, FoundMonitor, Job


@dataclass(frozen=True)
class MonitorPlan:
    """What launchd should run for a stack on a host, what it runs, and what to change."""

    stack: str
    account: Account | None
    directory: str
    """The stack's on the host, absolute."""
    jobs: tuple[Job, ...]
    """The one that it should have, or none."""
    found: FoundMonitor
    changes: Changes
    """Those of a monitor are made, others are left alone."""


def monitor_changes(wanted: Iterable[Job], found: FoundMonitor) -> Iterator[Change]:
    """What differs between the monitor that a host should have, one or none, and what it has."""
    jobs = {job.kind: job for job in wanted}
    for kind in sorted(found.kinds - jobs.keys()):
        instead = " and ".join(f"it becomes a launchd {other}" for other in jobs)
        yield Change("uninstall", "monitor", f"launchd {kind}", reason=instead or "switched off")
    for kind, job in jobs.items():
        if reasons := ", ".join(_reasons(job, found)):
            yield Change("install", "monitor", f"launchd {kind}", reason=reasons)


def _reasons(wanted: Job, found: FoundMonitor) -> Iterator[str]:
    if wanted.kind not in found.kinds:
        yield "not on this host yet"
        return
    digests = {name: digest.of_bytes(content) for name, content in wanted.files.items()}
    different = sorted(name for name, it in digests.items() if found.files.get(name) != it)
    if different:
        yield f"{', '.join(different)} changed"
    elif found.placed.get(wanted.kind) != digests[wanted.plist]:
        yield "its property list is missing or was edited"
    if wanted.kind not in found.loaded:
        yield "not loaded"


def reload_needed(wanted: Job, found: FoundMonitor) -> bool:
    """Whether launchd must read the property list anew; new programs run by themselves."""
    new = digest.of_bytes(wanted.files[wanted.plist])
    return wanted.kind not in found.loaded or found.placed.get(wanted.kind) != new
