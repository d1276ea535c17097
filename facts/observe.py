"""What a host runs of a stack, from the daemon's own answers."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from docker import APIClient
from docker.errors import NotFound
from gevent.pool import Pool
from pyinfra.api.host import Host

from facts.runtime import Daemon
from link.daemon import MAX_CONNECTIONS, daemon
from stack.changes.observed import Observed, read_container, read_image
from stack.model import Stack
from stack.release.containers import SWARM_LABEL
from stack.release.images import STACK_LABEL, UPSTREAM_LABEL, upstream_references
from stack.release.upstream import local_digests

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
    local = local_digests(images, upstream_references(stack), pins or {})
    recorded: dict[str, str] = {}
    for image in images:
        recorded |= json.loads((image.get("Labels") or {}).get(UPSTREAM_LABEL, "{}"))
    containers = [read_container(it) for it in inspected if it]
    ours = {"label": f"{STACK_LABEL}={stack.name}", "scope": "local"}
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
        networks={it["Name"]: _on(it["Name"], everything) for it in api.networks(filters=ours)},
    )


def _on(network: str, containers: Iterable[Json]) -> tuple[str, ...]:
    """Names of the containers on a network, of those that are stopped too."""
    return tuple(
        it["Names"][0].removeprefix("/")
        for it in containers
        if network in (it.get("NetworkSettings", {}).get("Networks") or {})
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
