"""What a backup of a host's stack would save, and whether it can be made now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyinfra.api.host import Host

from facts.detect import Detected, read_daemon
from facts.kept_plan import located_by_name, whole
from facts.observe import observe
from facts.plan import HostPlan
from facts.releases import current_release, kept_releases
from facts.together import together
from stack.backup import Backup
from stack.changes.change import Change, Changes, CurrentRelease
from stack.changes.observed import Observed
from stack.errors import DrydockError
from stack.model import Daemon
from stack.release import portable
from stack.release.kept import KeptRelease
from stack.release.render import Release
from stack.release.seal import read_key
from stack.settings import Settings


@dataclass(frozen=True)
class BackupPlan:
    """What to save, under which name, with which key."""

    plan: HostPlan
    name: str
    """Of the archive: nautilus-20261123T161500Z.tar"""
    key: bytes
    earlier: tuple[Release, ...]
    """Other good releases that are saved with the one that runs, the newest first."""
    left_out: tuple[str, ...]
    """What is not saved, and why."""

    @property
    def secrets(self) -> list[str]:
        """Names of all that any of its releases needs."""
        return sorted(set().union(*(it.secrets() for it in (self.plan.release, *self.earlier))))


def plan_backup(host: Host) -> BackupPlan:
    """Find the current release and whose data it has; nothing on the host changes.

    DrydockError where the key is missing, the release isn't whole, or a service isn't well.
    """
    located, settings = located_by_name(host)
    key = read_key(settings.key_file)
    _refuse_folder(settings)
    daemon: Daemon
    current: CurrentRelease
    kept: list[KeptRelease]
    daemon, current, kept = together(
        lambda: read_daemon(host, located.runtime),
        lambda: current_release(host, located.directory),
        lambda: kept_releases(host, located.directory),
    )
    found = next((it for it in kept if it.id == current.id), None)
    if found is None:
        raise DrydockError("nothing is deployed on this host, so there is nothing to back up")
    release = whole(found)
    portable.refuse_unbuildable(release)
    if missing := sorted(release.secrets() - set(current.secrets)):
        raise DrydockError(f"secret {', '.join(missing)} is missing on this host: deploy first")
    observed: Observed = observe(host, located.runtime, release.stack)
    if problems := list(_unwell(release, observed)):
        raise DrydockError("\n".join(problems))
    earlier, unfit = portable.earlier(kept, release.id, current.secrets)
    saved = tuple(
        Change("save", name, "data", reason="consistent in itself") for name in backups_of(release)
    )
    also = f"with {len(earlier)} earlier ones and their secrets" if earlier else "and its secrets"
    detected = Detected(**vars(located), daemon=daemon)
    changes = Changes((*saved, Change("save", "release", f"{release.id} {also}")))
    plan = HostPlan(settings, detected, release, observed, current, changes)
    name = f"{release.stack.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    return BackupPlan(plan, name, key, earlier, (*_left_out_of(release), *unfit))


def backups_of(release: Release) -> dict[str, Backup]:
    """Service → how its data is saved and brought back, of those that say so."""
    return {name: it.backup for name, it in release.stack.services.items() if it.backup}


def _left_out_of(release: Release) -> Iterator[str]:
    """Volumes whose services say nothing of how they are saved."""
    services = release.stack.services.values()
    saved = {volume for it in services if it.backup for volume in it.volumes}
    if volumes := sorted({volume for it in services for volume in it.volumes} - saved):
        yield f"volumes {', '.join(volumes)}, which have no 'backup'"


def _unwell(release: Release, observed: Observed) -> Iterator[str]:
    if not backups_of(release):
        yield (
            f"no service of release {release.id} says how its data is saved: add 'backup' to the"
            " stack's data, deploy, and try again"
        )
    for service in backups_of(release):
        found = observed.containers.get(release.stack.container_name(service))
        if found is None or found.health != "healthy" or not found.running:
            state = (found.health or found.status) if found else "missing"
            yield f"{service} is {state}, so its data can't be saved: deploy first"


def _refuse_folder(settings: Settings) -> None:
    if settings.to is not None and not Path(settings.to).expanduser().is_dir():
        raise DrydockError(f"to = {settings.to!r} is no folder on this machine: make it first")
