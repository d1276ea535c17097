"""What bringing a backup back would change on a host, and whether that can be done."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pyinfra.api.host import Host

from facts.backup_plan import backups_of
from facts.detect import Detected, read_daemon
from facts.kept_plan import located_by_name
from facts.observe import observe
from facts.plan import HostPlan, changes_to, jobs_of
from facts.releases import current_release
from facts.together import together
from link.daemon import daemon as daemon_client
from stack.changes.change import Change, Changes, CurrentRelease
from stack.changes.observed import Observed
from stack.changes.order import needs_of
from stack.errors import DrydockError
from stack.model import Daemon
from stack.quantities import show_memory
from stack.release.archive import Archive, open_archive
from stack.release.images import STACK_LABEL
from stack.release.launchd import watching
from stack.release.moved import left_out, moved
from stack.release.render import Release
from stack.release.seal import read_key
from stack.settings import Settings


@dataclass(frozen=True)
class RestorePlan:
    """A backup that was read to its end, and what bringing it back changes."""

    plan: HostPlan
    archive: Archive
    left_out: tuple[str, ...]
    """Data of whom is not brought back, and why; whose is not there."""

    @property
    def first(self) -> Changes:
        """The start of those services that must run for their data to be brought back."""
        return _start(_loaded_while_running(self.plan.release))

    @property
    def rest(self) -> Changes:
        """The start of all others."""
        first = _loaded_while_running(self.plan.release)
        return _start(set(self.plan.release.containers) - first)


def plan_restore(host: Host) -> RestorePlan:
    """Read the backup, and look at the host; nothing on it changes.

    DrydockError where the backup, the key or the host doesn't fit.
    """
    located, settings = located_by_name(host)
    archive = _archive_of(settings, stack=located.directory.rpartition("/")[2])
    daemon: Daemon
    current: CurrentRelease
    daemon, current = together(
        lambda: read_daemon(host, located.runtime),
        lambda: current_release(host, located.directory),
    )
    if current.adopted:
        taken = ", ".join(name for volume, name in current.adopted.items() if volume)
        raise DrydockError(
            f"this host's data is in volumes that were taken over from others ({taken}), and those"
            " are not replaced: go back with rollback.py --data release=original first"
        )
    detected = Detected(**vars(located), daemon=daemon)
    release = moved(archive, detected.chip, daemon, settings, detected.secrets_directory)
    pins = {ref: it for image in release.images.values() for ref, it in image.upstream.items()}
    observed: Observed = observe(host, detected.runtime, release.stack, pins)
    cleared = tuple(_cleared(host, detected, release, observed))
    if (cleared or current.id) and not settings.replace_data:
        raise DrydockError(_occupied(release, cleared, current.id))
    ours = {it.subject for it in cleared if it.action == "remove"}
    left = {name: it for name, it in observed.containers.items() if name not in ours}
    # Its secrets come with the backup, so none is generated.
    current = replace(current, secrets=tuple(archive.secrets))
    work = watching(settings.min_free_disk)
    jobs = jobs_of(settings, release.stack.name, detected, work)
    empty = replace(observed, containers=left)
    changes = changes_to(release, current, empty, detected, jobs)
    loads = (
        Change("load", name, "data", reason=show_memory(archive.sizes_bytes[name]))
        for name in backups_of(release)
        if name in archive.sizes_bytes
    )
    changes = Changes((*cleared, *changes.all, *loads))
    plan = HostPlan(settings, detected, release, observed, current, changes, jobs=jobs)
    return RestorePlan(plan, archive, tuple(left_out(release, archive)))


def _archive_of(settings: Settings, stack: str) -> Archive:
    if not settings.archive:
        raise DrydockError("say which backup to bring back: --data archive=FILE")
    archive = open_archive(settings.archive, read_key(settings.key_file))
    if archive.manifest.stack != stack:
        raise DrydockError(
            f"{archive.path} is a backup of the stack {archive.manifest.stack!r}, this project's"
            f" is {stack!r}: run restore.py in that one's project"
        )
    return archive


def _cleared(
    host: Host, detected: Detected, release: Release, observed: Observed
) -> Iterator[Change]:
    """What the host has of the stack that would be in the way."""
    name = release.stack.name
    for container, found in observed.containers.items():
        if found.labels.get(STACK_LABEL) == name:
            yield Change("remove", container, "container", reason="it is replaced by the backup's")
    services = release.stack.services.values()
    wanted = {release.stack.volume_name(volume) for it in services for volume in it.volumes}
    volumes = daemon_client(host, detected.runtime).volumes()["Volumes"] or ()
    for volume in sorted(wanted & {it["Name"] for it in volumes}):
        yield Change("clear", volume, "volume", reason="replace_data says so")


def _occupied(release: Release, cleared: tuple[Change, ...], current: str | None) -> str:
    volumes = [it.subject for it in cleared if it.action == "clear"]
    containers = [it.subject for it in cleared if it.action == "remove"]
    held = [
        f"volumes {', '.join(volumes)}" if volumes else "",
        f"containers {', '.join(containers)}" if containers else "",
        f"release {current}" if current else "",
    ]
    return (
        f"this host has {release.stack.name} already ({'; '.join(it for it in held if it)}), and"
        " nothing was changed: restore on an empty host, or say --data replace_data=true if what is"
        " in these volumes may go for good"
    )


def _loaded_while_running(release: Release) -> set[str]:
    """Services that take their data while they run, with all that those need."""
    services = release.stack.services
    wanted = {n for n, it in services.items() if it.backup and it.backup.load_while == "running"}
    return wanted.union(*(needs_of(release.stack, name) for name in wanted))


def _start(services: set[str]) -> Changes:
    return Changes(
        tuple(Change("start", name, "state", new="running") for name in sorted(services))
    )
