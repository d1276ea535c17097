"""Releases that a host keeps: whether each is whole, how it went, and which one to go back to."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from stack.errors import DrydockError
from stack.fields import Data
from stack.model import Allocation, Map, Stack
from stack.release import digest
from stack.release.containers import Container
from stack.release.images import Image
from stack.release.render import DESCRIPTION, FORMAT, MANIFEST, Release
from stack.report.measured import Timeline

RecordState = Literal["unfinished", "good", "failed", "rolled back"]


class Record(Data):
    """How a release came to a host and how it went: releases/ID.json."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    release: str
    number: int
    """Counts a host's deployments; unlike clocks it never goes back."""
    deployed_at: str
    who: str
    former: str | None = None
    """The release that it took the place of."""
    gone_back_from: str | None = None
    """The release that a rollback has left for this one; None again once that run has ended."""
    why: str | None = None
    changes: tuple[str, ...] = ()
    """What its deployment changed, in words."""
    state: RecordState = "unfinished"
    verdict: tuple[str, ...] = ()
    """What verification found: the summary alone, or what was wrong."""
    verified_at: str | None = None
    images: dict[str, str] = Field(default_factory=dict)
    """Service → id of the image that its container was made of."""
    seconds_to_healthy: dict[str, float] = Field(default_factory=dict)
    """Service → how long its start took, of those that were started."""
    timeline: Timeline | None = None
    """What its last deployment that started, built or pulled anything did, and when."""


class _Description(Data):
    format: int
    tag: str
    stack: Stack
    map: dict[str, Allocation]
    images: dict[str, dict[str, Any]]
    shared: dict[str, dict[str, Any]] = Field(default_factory=dict)
    containers: dict[str, dict[str, Any]]


_IMAGE, _CONTAINER = TypeAdapter(Image), TypeAdapter(Container)


@dataclass(frozen=True)
class KeptRelease:
    """One release as it lies on a host."""

    id: str
    record: Record | None
    release: Release | None
    """None when its description can't be read."""
    damage: tuple[str, ...]
    """What is wrong with its files, a sentence each."""

    @property
    def number(self) -> int:
        """Which deployment it was; 0 when nothing tells."""
        return self.record.number if self.record else 0

    @property
    def good(self) -> bool:
        """Whether it was verified."""
        return self.record is not None and self.record.state == "good"


def read_kept(
    release_id: str, record: str, manifest: str, description: str, found: Mapping[str, str]
) -> KeptRelease:
    """Read a release from the texts of its files and the SHA-256 of all that is on disk.

    The name of a release is the digest of its files, so a damaged manifest shows as well.
    """
    files = _files_of(manifest)
    damage = [
        f"file {path} is {'damaged' if path in found else 'missing'}"
        for path, wanted in sorted(files.items())
        if found.get(path) != wanted
    ]
    if digest.of_data(files)[: digest.SHORT] != release_id:
        damage = [f"file {MANIFEST} is {'damaged' if manifest else 'missing'}"]
    release = None
    if not damage:
        try:
            release = read_description(description, files)
        except (ValidationError, ValueError):
            damage = [f"{DESCRIPTION} was written by another version of Drydock"]
    return KeptRelease(release_id, read_record(record), release, tuple(damage))


def _files_of(manifest: str) -> dict[str, str]:
    try:
        content = json.loads(manifest)
    except ValueError:
        return {}
    files = content.get("files") if isinstance(content, dict) else None
    return files if isinstance(files, dict) else {}


def read_record(text: str) -> Record | None:
    """A record; one that is missing or damaged says nothing, so its release counts for unknown."""
    try:
        return Record.model_validate_json(text)
    except ValidationError:
        return None


def read_description(text: str, files: Mapping[str, str]) -> Release:
    """A release from its description; ValueError where another version of Drydock wrote it.

    + files: path → SHA-256 of all that lies beside it
    """
    said = _Description.model_validate_json(text)
    if said.format != FORMAT:
        raise ValueError(f"format {said.format}")
    return Release(
        stack=said.stack,
        map=Map(services=said.map),
        tag=said.tag,
        images={name: _IMAGE.validate_python(it) for name, it in said.images.items()},
        shared={name: _IMAGE.validate_python(it) for name, it in said.shared.items()},
        containers={name: _CONTAINER.validate_python(it) for name, it in said.containers.items()},
        files={},
        kept=dict(files),
    )


def choose_former(kept: Iterable[KeptRelease], current: str | None) -> KeptRelease:
    """What a failed deploy goes back to: what was current, unless that was no good one either."""
    if current is None:
        raise DrydockError("this was the first release here, there is nothing to go back to")
    known = list(kept)
    former = next((it for it in known if it.id == current and it.good), None)
    return former or _before(known, current)


def choose(kept: Iterable[KeptRelease], current: str | None, wanted: str | None) -> KeptRelease:
    """The release to go back to: the wanted one, or the good one that ran before the current.

    A rollback that was broken off once its release was current is ended first: the same command
    leads to the same release. DrydockError names what there is.
    """
    releases = list(kept)
    if wanted is not None:
        by_id = {it.id: it for it in releases}
        return by_id[named(by_id, wanted, "on this host", f"kept are {_names(releases)}")]
    running = next((it for it in releases if it.id == current), None)
    if running and running.record and running.record.gone_back_from:
        return running
    return _before(releases, current)


def named(ids: Iterable[str], wanted: str, where: str, known: str) -> str:
    """The one id that begins as it was said; DrydockError names those that are known."""
    # pyinfra takes the leading zeros from an id of digits alone.
    found = [it for it in ids if it.startswith((wanted, wanted.zfill(digest.SHORT)))]
    if len(found) != 1:
        raise DrydockError(
            f"release = {wanted!r}: {'several' if found else 'no'} releases {where} are called so;"
            f" {known}"
        )
    return found[0]


def _before(kept: Iterable[KeptRelease], current: str | None) -> KeptRelease:
    """What the current release took the place of, or else the last good one before it.

    A deployment after the current release that never ended well counts as what to go back from; a
    rollback that was broken off is none.
    """
    releases = sorted(kept, key=lambda it: it.number, reverse=True)
    running = next((it for it in releases if it.id == current), None)
    number = running.number if running else 0
    broken = [
        it.number
        for it in releases
        if it.record
        and it.record.state in ("unfinished", "failed")
        and not it.record.gone_back_from
        and it.number > number
    ]
    if running and running.record and not broken:
        former = next((it for it in releases if it.id == running.record.former), None)
        # One with a higher number was gone forward from since: that would lead there again.
        if former and former.good and former.number < number:
            return former
    before = max([number, *broken]) or float("inf")
    good = [it for it in releases if it.good and it.number < before]
    if not good:
        raise DrydockError(
            "no earlier release that was verified is kept on this host; kept are"
            f" {_names(releases)}"
        )
    return good[0]


def _names(releases: Iterable[KeptRelease]) -> str:
    newest_first = sorted(releases, key=lambda it: it.number, reverse=True)
    return ", ".join(it.id for it in newest_first) or "none"
