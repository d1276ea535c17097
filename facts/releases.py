"""Releases that a host has on its disk: the current one, and those that it keeps."""

import json
from typing import Any, cast

from pyinfra.api.host import Host

from facts.kept import KeptReleases
from facts.release import Release as ReleaseFact
from facts.release import ReleaseInfo
from stack.changes.change import CurrentRelease
from stack.changes.heat import read_caps
from stack.changes.lock import read_lock
from stack.release.kept import KeptRelease, read_kept
from stack.release.launchd import FoundMonitor, Kind, kind_at


def current_release(host: Host, directory: str) -> CurrentRelease:
    """What the host has on disk of the release that it runs."""
    info = host.get_fact(ReleaseFact, directory=directory)
    manifest = _read_manifest(info.manifest)
    found = {path: value for path, value in info.files.items() if path != "manifest.json"}
    return CurrentRelease(
        id=manifest.get("release"),
        files=manifest.get("files", {}),
        found=found,
        manifest=manifest,
        record=info.record,
        bill=info.bill,
        secrets=info.secret_names,
        given=info.given_digests,
        directories=info.directory_names,
        monitor=_read_monitor(info, directory),
        adopted=info.adopted,
        caps=read_caps(info.caps),
        lock=read_lock(info.lock),
    )


def _read_monitor(info: ReleaseInfo, directory: str) -> FoundMonitor:
    own, placed = {}, {}
    for path, it in info.monitor_files.items():
        if path.startswith(f"{directory}/monitor/"):
            own[path.removeprefix(f"{directory}/monitor/")] = it
        else:
            placed[kind_at(path)] = it
    return FoundMonitor(own, placed, frozenset(cast(tuple[Kind, ...], info.monitor_loaded)))


def kept_releases(host: Host, directory: str) -> list[KeptRelease]:
    """Every release that the host keeps, with what is wrong with it."""
    return [read_kept(**vars(it)) for it in host.get_fact(KeptReleases, directory=directory)]


def _read_manifest(text: str) -> dict[str, Any]:
    """A release's manifest; one that was damaged by hand is empty, so that all is written anew."""
    try:
        manifest = json.loads(text) if text else {}
    except json.JSONDecodeError:
        return {}
    intact = isinstance(manifest, dict) and isinstance(manifest.get("files"), dict)
    return manifest if intact else {}
