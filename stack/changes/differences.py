"""The releases of a host in words, and what differs from one to the next."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from stack.changes.described import different_fields, differing_keys, resources_in_words
from stack.release.digest import SHORT
from stack.release.kept import KeptRelease
from stack.release.render import Release


def told(kept: Iterable[KeptRelease], current: str | None) -> Iterator[str]:
    """Lines for each release, newest first: what it is, how it went, how it differs from before."""
    releases = sorted(kept, key=lambda it: it.number, reverse=True)
    if not releases:
        yield "no release is kept on this host"
    for release, earlier in zip_longest(releases, releases[1:]):
        yield _headline(release, release.id == current)
        yield from (f"  {sentence}" for sentence in release.damage)
        if release.record and release.record.state != "good":
            yield from (f"  {line}" for line in release.record.verdict)
        if release.release and earlier and earlier.release:
            for sentence in differences(earlier.release, release.release):
                yield f"  {sentence}"


def _headline(kept: KeptRelease, is_current: bool) -> str:
    words = [kept.id, "current" if is_current else ""]
    if kept.record is None:
        words.append("without a record")
    else:
        record = kept.record
        words += [record.state, f"deployed {record.deployed_at} by {record.who}"]
        words.append(f"for {record.why}" if record.why else "")
    return ", ".join(word for word in words if word)


def differences(before: Release, after: Release) -> Iterator[str]:
    """What changed from one release to another, field by field."""
    old, new = before.stack.services, after.stack.services
    for name in sorted(new.keys() - old.keys()):
        yield f"{name}: new"
    for name in sorted(old.keys() - new.keys()):
        yield f"{name}: gone"
    for name in (name for name in new if name in old):
        yield from _of_service(before, after, name)


def _of_service(before: Release, after: Release, name: str) -> Iterator[str]:
    images = before.images[name], after.images[name]
    if images[0].digest != images[1].digest:
        parts = sorted(differing_keys(images[0].parts, images[1].parts))
        ids = " → ".join(it.digest[:SHORT] for it in images)
        yield f"{name}: image {ids}, its {', '.join(parts)} changed"
    for field, old, new in different_fields(before.containers[name], after.containers[name]):
        yield f"{name}: {field} {old or 'none'} → {new or 'none'}"
    old_map, new_map = (resources_in_words(it.map.services[name]) for it in (before, after))
    for field in differing_keys(old_map, new_map):
        yield f"{name}: {field} {old_map[field]} → {new_map[field]}"
