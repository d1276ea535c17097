"""What a host runs of a stack, from the daemon's own answers."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from docker import APIClient
from docker.errors import APIError, NotFound
from gevent.pool import Pool
from pyinfra.api.host import Host

from facts.detect import Located
from facts.kept import KeptReleases
from facts.release import Release as ReleaseFact
from facts.release import ReleaseInfo
from facts.runtime import Daemon
from link.daemon import MAX_CONNECTIONS, daemon
from stack.changes.change import CurrentRelease
from stack.changes.heat import read_caps
from stack.changes.lock import read_lock
from stack.changes.observed import Observed, read_container, read_image
from stack.errors import DrydockError
from stack.model import Stack
from stack.release.containers import SWARM_LABEL
from stack.release.images import STACK_LABEL, UPSTREAM_LABEL, upstream_references
from stack.release.kept import KeptRelease, read_kept
from stack.release.launchd import FoundMonitor, Kind, kind_at
from stack.settings import Settings

Json = Mapping[str, Any]


def observe(
    host: Host, runtime: Daemon, stack: Stack, pins: Mapping[str, str] | None = None
) -> Observed:
    """Containers of the stack, and others under its names, with their images.

    + pins: upstream image → digest; one that the host has with another digest counts as missing
    """
    api = daemon(host, runtime)
    names = {stack.container_name(service) for service in stack.services}
    everything = api.containers(all=True)
    listed = [
        it
        for it in everything
        if it.get("Labels", {}).get(STACK_LABEL) == stack.name
        or names & {name.removeprefix("/") for name in it["Names"]}
    ]
    images = api.images()
    own = [it for it in images if (it.get("Labels") or {}).get(STACK_LABEL) == stack.name]
    used = sorted({it["ImageID"] for it in listed})
    pool = Pool(MAX_CONNECTIONS)
    inspected = pool.map(lambda it: _inspect(api, it["Id"]), listed)
    inspected_images = pool.map(lambda it: _inspect_image(api, it), used)
    local = _local_digests(images, upstream_references(stack), pins or {})
    recorded: dict[str, str] = {}
    for image in images:
        recorded |= json.loads((image.get("Labels") or {}).get(UPSTREAM_LABEL, "{}"))
    containers = [read_container(it) for it in inspected if it]
    return Observed(
        containers={it.name: it for it in containers},
        images={
            **{it["Id"]: read_image(_as_inspected(it)) for it in own},
            **{it["Id"]: read_image(it) for it in inspected_images if it},
        },
        upstream_digests={**recorded, **local},
        missing_upstream=tuple(
            ref
            for ref in upstream_references(stack)
            if ref not in local or local[ref] != (pins or {}).get(ref, local[ref])
        ),
        in_swarm=any(
            it["State"] == "running" and it.get("Labels", {}).get(SWARM_LABEL) == stack.name
            for it in everything
        ),
    )


def _inspect(api: APIClient, container: str) -> Json | None:
    try:
        return dict(api.inspect_container(container))
    except NotFound:
        return None  # Removed since it was listed.


def _inspect_image(api: APIClient, image: str) -> Json | None:
    try:
        return dict(api.inspect_image(image))  # type: ignore[no-untyped-call]
    except NotFound:
        return None


def _as_inspected(listed: Json) -> Json:
    """An entry of the list of images, which is enough for one that no container inherits from."""
    labels = listed.get("Labels")
    return {"Id": listed["Id"], "RepoTags": listed["RepoTags"], "Config": {"Labels": labels}}


def _local_digests(
    images: Iterable[Json], references: Iterable[str], pins: Mapping[str, str]
) -> dict[str, str]:
    digests: dict[str, str] = {}
    for image in images:
        known = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
        pulled = [name.partition("@")[2] for name in image.get("RepoDigests") or ()]
        for reference in references:
            if familiar(reference) in known:
                # One image may have been pulled from several registries, under several digests.
                pinned = [digest for digest in pulled if digest == pins.get(reference)]
                digests[reference] = [*pinned, *pulled, image["Id"]][0]
    return digests


def familiar(reference: str) -> str:
    """A reference as the daemon lists it: with a tag, without Docker Hub's host and library."""
    name = reference.removeprefix("docker.io/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def mirrored(reference: str, settings: Settings) -> str:
    """A reference as it is pulled: Docker Hub's tags through the registry mirror, when one is set.

    Other registries are asked themselves, and so is one that names a digest: it can't be tagged.
    """
    name = familiar(reference)
    registry = name.partition("/")[0] if "/" in name else ""
    elsewhere = registry == "localhost" or "." in registry or ":" in registry
    if not settings.registry_mirror or elsewhere or "@" in name:
        return reference
    return f"{settings.registry_mirror}/{name if '/' in name else f'library/{name}'}"


def by_digest(reference: str, digest: str) -> str:
    """A reference whose tag gave way to a digest: that alone is pulled, or nothing."""
    if "@" in reference:
        return reference
    path, _, name = reference.rpartition("/")
    repository = name.partition(":")[0]
    return f"{path}/{repository}@{digest}" if path else f"{repository}@{digest}"


def registry_digests(
    host: Host, detected: Located, settings: Settings, references: Iterable[str]
) -> dict[str, str]:
    """Digests of upstream images as their registry gives them now; changes nothing on the host.

    DrydockError names the image that can't be had, and what to set.
    """
    api = daemon(host, detected.runtime)
    found: dict[str, str] = {}
    for reference in references:
        try:
            answer = api.inspect_distribution(  # type: ignore[no-untyped-call]
                mirrored(reference, settings)
            )
        except APIError as error:
            raise DrydockError(cannot_pull(reference, settings, error.explanation)) from error
        found[reference] = answer["Descriptor"]["digest"]
    return found


def cannot_pull(reference: str, settings: Settings, why: object) -> str:
    """What to tell when an upstream image can't be had."""
    mirror = settings.registry_mirror
    through = f" through registry_mirror {mirror}" if mirror else ""
    return (
        f"base image {reference} can't be pulled{through}: {str(why).strip()}; check the daemon's"
        " network, set registry_mirror in the host's data to a registry that has it, or name"
        " another image in the stack's bases"
    )


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
