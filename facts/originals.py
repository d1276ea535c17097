"""Containers that others made and that were set aside, and the way back to them."""

import json
from collections.abc import Mapping
from typing import Any

from pyinfra.api.host import Host

from facts.detect import Detected, read_daemon
from facts.kept_plan import located_by_name
from facts.observe import observe
from facts.plan import HostPlan
from facts.releases import current_release, kept_releases
from facts.together import together
from link import files
from stack.changes.change import Change, Changes, CurrentRelease
from stack.changes.monitor import monitor_changes
from stack.changes.observed import Observed
from stack.errors import DrydockError
from stack.model import Daemon
from stack.release.images import STACK_LABEL
from stack.release.kept import KeptRelease

ORIGINAL = "original"
"""What the state before the first deploy is called, where a release is to be said."""

Json = Mapping[str, Any]


def kept_originals(host: Host, directory: str) -> dict[str, Json]:
    """Containers that were set aside, by the names that they had; empty when there are none."""
    try:
        content = files.read(host, f"{directory}/original/containers.json")
    except FileNotFoundError:
        return {}
    return dict(json.loads(content))


def plan_original(host: Host) -> HostPlan:
    """What going back to others' containers changes; DrydockError where that can't be."""
    located, settings = located_by_name(host)
    if settings.services:
        raise DrydockError("services: the original containers come back together, or not at all")
    daemon: Daemon
    current: CurrentRelease
    kept: list[KeptRelease]
    originals: dict[str, Json]
    daemon, current, kept, originals = together(
        lambda: read_daemon(host, located.runtime),
        lambda: current_release(host, located.directory),
        lambda: kept_releases(host, located.directory),
        lambda: kept_originals(host, located.directory),
    )
    if not originals:
        raise DrydockError("release = 'original': no containers of others were set aside here")
    newest = sorted(kept, key=lambda it: (it.id == current.id, it.number), reverse=True)
    release = next((it.release for it in newest if it.release), None)
    if release is None:
        raise DrydockError("no release on this host can be read: deploy again, then go back")
    observed: Observed = observe(host, located.runtime, release.stack)
    ours = [
        Change("remove", name, "container", reason="its volumes stay")
        for name, it in observed.containers.items()
        if it.labels.get(STACK_LABEL) == release.stack.name
    ]
    theirs = [Change("bring back", name, "container") for name in originals]
    detected = Detected(**vars(located), daemon=daemon)
    changes = Changes((*monitor_changes((), current.monitor), *ours, *theirs))
    return HostPlan(settings, detected, release, observed, current, changes, jobs=())
