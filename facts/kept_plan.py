"""What going back to a release that a host keeps would change, and whether it can be done."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyinfra.api.host import Host

from facts.detect import Detected, Located, locate, read_daemon
from facts.observe import observe
from facts.plan import HostPlan
from facts.releases import current_release, kept_releases
from facts.together import together
from stack.changes.change import Changes, CurrentRelease
from stack.changes.compare import compare_kept, record_changes
from stack.changes.heat import uncapped
from stack.changes.leftovers import leftovers
from stack.changes.observed import Observed
from stack.errors import DrydockError
from stack.load import group_origins, load_settings
from stack.model import Daemon
from stack.quantities import cores_of
from stack.release.kept import KeptRelease, choose
from stack.release.mixture import Mixture, mix
from stack.release.render import Release
from stack.settings import Settings


@dataclass(frozen=True)
class WayBack:
    """The plan of going back, and how its release comes about where it is made of two."""

    plan: HostPlan
    mixture: Mixture | None


def plan_rollback(host: Host) -> WayBack:
    """Find the release to go back to and what that changes; nothing on the host changes.

    Needs no more of the project than the stack's name: the release is read from the host.
    DrydockError says what is missing of it.
    """
    located, settings = located_by_name(host)
    daemon: Daemon
    current: CurrentRelease
    kept: list[KeptRelease]
    daemon, current, kept = together(
        lambda: read_daemon(host, located.runtime),
        lambda: current_release(host, located.directory),
        lambda: kept_releases(host, located.directory),
    )
    detected = Detected(**vars(located), daemon=daemon)
    target = choose(kept, current.id, settings.release)
    if not settings.services:
        return WayBack(_recorded(plan_kept(host, detected, settings, current, whole(target))), None)
    base = next((it for it in kept if it.id == current.id), None)
    if base is None:
        raise DrydockError("services: the host has no current release that they could go back in")
    mixture = mix(whole(base), whole(target), settings.services, detected.secrets_directory)
    plan = plan_kept(host, detected, settings, current, mixture.release)
    # A run that goes on with a broken-off one finds its mixture current.
    return WayBack(_recorded(plan), None if mixture.release.id == current.id else mixture)


def _recorded(plan: HostPlan) -> HostPlan:
    """The same plan, with what is left to do where what runs is as it should be."""
    recorded = record_changes(plan.release, plan.current)
    left = leftovers(plan.release, plan.observed, plan.changes)
    return replace(plan, changes=Changes((*plan.changes.all, *recorded, *left)))


def kept_on(host: Host) -> tuple[list[KeptRelease], str | None]:
    """The releases that a host keeps, and which of them is current."""
    located, _ = located_by_name(host)
    current: CurrentRelease = current_release(host, located.directory)
    return kept_releases(host, located.directory), current.id


def located_by_name(host: Host) -> tuple[Located, Settings]:
    """Where a host has its daemon and its stack, of whose data the name alone is needed."""
    groups = [str(group) for group in host.groups]
    data: dict[str, Any] = host.data.dict()  # type: ignore[no-untyped-call]
    name, settings = load_settings(data, group_origins(groups, Path("group_data")))
    return locate(host, settings, name, lambda _chip: None), settings


def whole(kept: KeptRelease) -> Release:
    """A release that can be read and has all its files; DrydockError says what is wrong."""
    if kept.release is None:
        raise DrydockError(_unreachable(kept.id, kept.damage))
    return kept.release


def plan_kept(
    host: Host, detected: Detected, settings: Settings, current: CurrentRelease, release: Release
) -> HostPlan:
    """The changes that lead to a kept release; DrydockError names what it lacks on the host."""
    observed: Observed = observe(host, detected.runtime, release.stack)
    cool = uncapped(release.stack, observed, current.caps)
    changes = compare_kept(release, current, cool, detected.daemon.cpus)
    missing = [*_missing_images(release, observed), *_missing(release, detected, current)]
    if missing:
        raise DrydockError(_unreachable(release.id, missing))
    return HostPlan(settings, detected, release, observed, current, changes)


def _unreachable(release: str, missing: Iterable[str]) -> str:
    return "\n".join((f"release {release} can't be gone back to; nothing was changed:", *missing))


def _missing_images(release: Release, observed: Observed) -> Iterator[str]:
    for name, image in release.images.items():
        if observed.image_by_digest(image.digest) is None:
            yield f"{name}: its image {image.pinned_reference} is gone from this host"


def _missing(release: Release, detected: Detected, current: CurrentRelease) -> Iterator[str]:
    for secret in sorted(release.secrets() - set(current.secrets)):
        yield f"secret {secret} is missing on this host"
    for name, allocation in release.map.services.items():
        cpuset = allocation.cpuset
        if cpuset and max(cores_of(cpuset)) >= detected.daemon.cpus:
            yield f"{name}: cores {cpuset}, but the daemon has {detected.daemon.cpus} CPUs"
