"""A stack's images on a swarm's nodes: each builds what it lacks, all of the same content."""

from dataclasses import replace

from facts.swarm import Look, release_on
from facts.swarm_plan import SwarmPlan
from stack.changes.change import Change, Changes
from stack.changes.compare import compare_running
from stack.errors import DrydockError
from stack.release.render import Release


def images_on(plan: SwarmPlan, look: Look) -> tuple[Release, Changes]:
    """What a node's images are made of, and which of them it lacks.

    Its stack is without what only containers need: neither secret nor directory is made on a node.
    """
    upstream = {k: v for it in plan.release.images.values() for k, v in it.upstream.items()}
    # Rendered with all that a template may ask for; then nothing but its images is a node's.
    whole = release_on(look, plan.stack, plan.release.map, upstream)
    bare = {
        name: it.model_copy(update={"secrets": (), "host_directories": {}})
        for name, it in plan.stack.services.items()
    }
    release = replace(whole, stack=plan.stack.model_copy(update={"services": bare}))
    different = [
        f"{name} ({plan.release.images[name].digest[:12]} and {it.digest[:12]})"
        for name, it in release.images.items()
        if it.digest != plan.release.images[name].digest
    ]
    if different:
        raise DrydockError(
            f"{look.name} and {plan.manager.name} would build different images of"
            f" {', '.join(different)}: the Macs of a swarm need one architecture, and the same data"
        )
    stale = [ref for ref, it in upstream.items() if look.observed.upstream_digests.get(ref) != it]
    missing = tuple(dict.fromkeys((*look.observed.missing_upstream, *stale)))
    observed = replace(look.observed, missing_upstream=missing)
    changes = compare_running(release, observed, look.detected.daemon.cpus)
    made = [it for it in changes if it.action in ("pull", "tag", "build")]
    if any(it.action == "build" for it in made):
        made.insert(0, Change("write", "release", "build contexts", reason="to build from"))
    return release, Changes(tuple(replace(it, also=None) for it in made))
