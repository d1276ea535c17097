"""Compare a release with what a host has: files, images, containers, resources, state."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from stack.changes.change import Action, Change, Changes, CurrentRelease
from stack.changes.described import different_fields, differing_keys, resources_in_words
from stack.changes.observed import Observed, ObservedContainer, as_container
from stack.release.containers import RELEASE_LABEL, STAND_IN_LABEL, Container
from stack.release.digest import SHORT
from stack.release.images import STACK_LABEL, Image
from stack.release.kept import read_record
from stack.release.render import Release


def compare(
    release: Release, current: CurrentRelease, observed: Observed, daemon_cpus: int
) -> Changes:
    """Everything that differs between a release and a host."""
    written = _release_changes(release, current)
    return Changes((*written, *compare_running(release, observed, daemon_cpus)))


def compare_kept(
    release: Release, current: CurrentRelease, observed: Observed, daemon_cpus: int
) -> Changes:
    """What going back to a release that the host keeps would change."""
    switch = Change("switch", "release", "current", current.id, release.id)
    switched = [] if current.id == release.id else [switch]
    return Changes((*switched, *compare_running(release, observed, daemon_cpus)))


def record_changes(release: Release, current: CurrentRelease) -> Iterator[Change]:
    """What is wrong with the record of a release that is current already, or with its bill.

    Unless its record calls it good, no rollback would ever lead to it. A run that was killed after
    the switch, before the verdict, leaves such a record, and so does a disk that cut it off.
    """
    if current.id != release.id:
        return
    if not current.bill:
        yield Change("record", "release", "bill of materials", reason="missing")
    record = read_record(current.record)
    if record is None:
        why = "can't be read" if current.record else "missing"
    elif record.state != "good":
        why = f"its last run left it {record.state}"
    elif record.gone_back_from:
        why = f"gone back to from {record.gone_back_from} by a run cut off"
    else:
        return
    yield Change("record", "release", "record", reason=why)


def compare_running(release: Release, observed: Observed, daemon_cpus: int) -> tuple[Change, ...]:
    """What differs between a release and what a host has of images and containers."""
    images = list(_image_changes(release, observed))
    built = {change.subject: change for change in images if change.action == "build"}
    pulls = [
        Change("pull", reference, "image", reason="not on this host yet")
        for reference in observed.missing_upstream
        if any(reference in release.images[name].upstream for name in built)
    ]
    return (*pulls, *images, *_container_changes(release, observed, built, daemon_cpus))


def _release_changes(release: Release, current: CurrentRelease) -> Iterator[Change]:
    if current.id != release.id:
        wanted = release.manifest_files()
        changed = differing_keys(wanted, current.files)
        reason = f"{len(changed)} files differ" if current.id else f"{len(wanted)} files"
        yield Change("write", "release", "files", current.id, release.id, reason)
        return
    for path in sorted(current.files.keys() | current.found.keys()):
        if current.files.get(path) != current.found.get(path):
            how = "missing" if path not in current.found else "edited by hand"
            if path not in current.files:
                how = "put there by hand"
            yield Change("write", "release", path, reason=how)
    for secret in sorted(release.secrets() - set(current.secrets)):
        yield Change("write", "release", f"secret {secret}", reason="missing")
    for secret in sorted(release.secrets() & release.given.keys() & set(current.secrets)):
        if release.given[secret] != current.given.get(secret):
            yield Change("write", "release", f"secret {secret}", reason="another value")
    for directory in sorted(release.host_directories() - set(current.directories)):
        yield Change("write", "release", f"directory {directory}", reason="missing")


def _image_changes(release: Release, observed: Observed) -> Iterator[Change]:
    for name, image in release.images.items():
        existing = observed.image_by_digest(image.digest)
        is_service = name in release.containers
        if existing is None:
            exists = is_service and release.stack.container_name(name) in observed.containers
            also: Action | None = ("recreate" if exists else "create") if is_service else None
            yield Change("build", name, "image", reason=_why_build(image, observed), also=also)
        elif not {image.reference, image.pinned_reference} <= set(existing.tags):
            holder = observed.image_by_tag(image.reference)
            reason = "the tag stands for another image" if holder else "the tag is missing"
            yield Change("tag", name, f"tag {image.reference}", reason=reason)


def _why_build(image: Image, observed: Observed) -> str:
    former = observed.image_by_tag(image.reference)
    if former is None:
        return "not on this host yet"
    if not former.digest:
        return "replaced by one that Drydock didn't build"
    changed = sorted(differing_keys(image.parts, former.parts))
    return f"its {', '.join(changed)} changed" if changed else "its content is missing"


def _container_changes(
    release: Release, observed: Observed, built: Mapping[str, Change], daemon_cpus: int
) -> Iterator[Change]:
    wanted_names = set()
    for service, desired in release.containers.items():
        name = release.stack.container_name(service)
        wanted_names.add(name)
        existing = observed.containers.get(name)
        if existing is None:
            if service not in built:
                yield Change("create", service, "container", reason="not on this host yet")
            continue
        differences = list(_differences(service, existing, desired, observed, service in built))
        live = list(_resource_changes(release, service, existing, daemon_cpus))
        if differences or service in built:
            yield from differences
            # The new container gets the new resources; nothing is left to do for them.
            yield from (replace(change, action="recreate", reason=None) for change in live)
            continue
        yield from live
        if not any(change.action == "recreate" for change in live):
            yield from _state_changes(release, service, existing, observed)
    for name, existing in observed.containers.items():
        if name in wanted_names or existing.labels.get(STACK_LABEL) != release.stack.name:
            continue
        service = existing.labels.get(STAND_IN_LABEL, "")
        if service in release.containers:
            yield Change("retire", service, "stand-in", reason="left by a run that was cut off")
        else:
            yield Change("remove", name, "container", reason="no longer in the stack")


def _differences(
    service: str,
    existing: ObservedContainer,
    desired: Container,
    observed: Observed,
    rebuilt: bool,
) -> Iterator[Change]:
    actual = as_container(existing, observed.images.get(existing.image_id), desired)
    if actual.image != desired.image and not rebuilt:
        old, new = (
            image.removeprefix("sha256:")[:SHORT] for image in (actual.image, desired.image)
        )
        yield Change("recreate", service, "image", old, new)
    different = list(different_fields(actual, desired))
    for name, before, after in different:
        yield Change("recreate", service, name, before, after)
    releases = actual.labels.get(RELEASE_LABEL), desired.labels[RELEASE_LABEL]
    if releases[0] != releases[1] and actual.image == desired.image and not different:
        yield Change("recreate", service, "release", *releases)


def _resource_changes(
    release: Release, service: str, existing: ObservedContainer, daemon_cpus: int
) -> Iterator[Change]:
    wanted, has = release.map.services[service], existing.resources
    shrinks = wanted.memory_bytes < has.memory_bytes
    sized = release.stack.services[service].sized_at_start
    action: Action = "recreate" if sized and shrinks else "update"
    fields = resources_in_words(has, daemon_cpus), resources_in_words(wanted, daemon_cpus)
    for name in differing_keys(*fields):
        reason = None
        if sized and name == "memory":
            reason = "its caches follow at its next start"
            if shrinks:
                reason = "its caches were sized for more"
        yield Change(action, service, name, fields[0][name], fields[1][name], reason)


def _state_changes(
    release: Release, service: str, existing: ObservedContainer, observed: Observed
) -> Iterator[Change]:
    if existing.status in ("created", "exited", "dead", "paused"):
        why = f"{existing.status}, exit status {existing.exit_code}"
        if existing.status in ("created", "paused"):
            why = existing.status
        if existing.oom_killed:
            why += ", out of memory"
        yield Change("start", service, "state", why, "running")
    elif existing.health == "unhealthy" and _needs_are_healthy(release, service, observed):
        yield Change("restart", service, "health", "unhealthy", "healthy")
    elif existing.health != "healthy":
        # Nothing to do to it, but the deploy waits until it is healthy.
        yield Change("start", service, "health", existing.health, "healthy", "waited for")


def _needs_are_healthy(release: Release, service: str, observed: Observed) -> bool:
    """Whether what a service needs is well: else it may recover once that is."""
    needs = release.stack.services[service].needs
    held = (observed.containers.get(release.stack.container_name(need)) for need in needs)
    return all(it is not None and it.health == "healthy" for it in held)
