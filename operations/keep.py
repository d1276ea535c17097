"""Images of kept releases are protected from pruning; what is too old goes."""

from collections.abc import Generator, Iterable

from docker import APIClient
from docker.errors import APIError, ImageNotFound, NotFound
from pyinfra.api.command import PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.observe import observe
from facts.plan import HostPlan
from facts.releases import kept_releases
from facts.together import together
from link.daemon import daemon
from operations.refusal import refused, step
from stack.release.images import STACK_LABEL
from stack.release.retention import KEEPS_LABEL, Retention, retention

HOLDER_MEMORY_BYTES = 16 * 2**20


@operation()
def protect(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Protect the images of kept releases that no service will use any more.

    + plan: what is about to replace containers

    Only a container keeps an image from `docker image prune --all`, and only a running one from
    `docker system prune --all`: so each gets one that sleeps.
    """
    if plan.changes:
        yield step(_protect, plan)


@operation()
def tidy(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Remove releases beyond the last few, with the images that nothing else uses.

    + plan: the release that now runs, and how many are kept
    """
    if plan.changes:
        yield step(_tidy, plan)


def _protect(host: Host, plan: HostPlan) -> bool:
    api = daemon(host, plan.detected.runtime)
    holders = _holders(api, plan)
    held = {it["ImageID"] for it in holders}
    for holder in holders:
        # Of a run that was broken off between making and starting it, or stopped by hand.
        if holder["State"] in ("created", "exited"):
            _start(host, api, holder["Id"], holder["ImageID"])
    # While it isn't verified the new release is one more than are kept.
    for image in _retention(host, plan, plan.settings.keep_releases + 1, ()).held_images:
        if image not in held and not _hold(host, api, plan, image):
            return False
    return True


def _tidy(host: Host, plan: HostPlan) -> bool:
    api = daemon(host, plan.detected.runtime)
    holders = _holders(api, plan)
    held = {it["Id"] for it in holders}
    others = [it for it in api.containers(all=True) if it["Id"] not in held]
    used = [it["ImageID"] for it in others]
    found = _retention(host, plan, plan.settings.keep_releases, used)
    for holder in holders:
        if holder["ImageID"] not in found.held_images:
            # With the nameless volumes that its image asked for: they were always empty.
            api.remove_container(holder["Id"], force=True, v=True)
    removed = _remove_files(host, plan, found.old_releases)
    for image in found.old_images:
        _remove_image(host, api, image)
    return removed


def _retention(host: Host, plan: HostPlan, keep: int, used: Iterable[str]) -> Retention:
    observed, kept = together(
        lambda: observe(host, plan.detected.runtime, plan.release.stack),
        lambda: kept_releases(host, plan.detected.directory),
    )
    return retention(kept, plan.release, observed.images, used, keep, plan.current.id)


def _holders(api: APIClient, plan: HostPlan) -> list[dict[str, str]]:
    label = f"{KEEPS_LABEL}={plan.release.stack.name}"
    return list(api.containers(all=True, filters={"label": label}))


def _hold(host: Host, api: APIClient, plan: HostPlan, image: str) -> bool:
    """Make a container that sleeps on an image; it comes back after a restart of the daemon."""
    stack = plan.release.stack.name
    name = f"{stack}-keeps-{image.removeprefix('sha256:')[:12]}"
    try:
        made = api.create_container(
            image,
            name=name,
            entrypoint=["sleep"],
            command=["infinity"],
            # The image's own label would count it among the stack's containers.
            labels={KEEPS_LABEL: stack, STACK_LABEL: ""},
            healthcheck={"test": ["NONE"]},
            host_config=api.create_host_config(
                network_mode="none",
                read_only=True,
                init=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                mem_limit=HOLDER_MEMORY_BYTES,
                memswap_limit=HOLDER_MEMORY_BYTES,
                pids_limit=8,
                restart_policy={"Name": "unless-stopped"},
            ),
        )
    except ImageNotFound:
        return True  # Removed by hand since it was listed: there is nothing left to protect.
    except APIError as error:
        return refused(host, f"image {image} of a kept release can't be protected: {error}")
    _start(host, api, made["Id"], image)
    return True


def _start(host: Host, api: APIClient, holder: str, image: str) -> None:
    try:
        api.start(holder)
    except APIError as error:
        # An image without `sleep`: it is safe from `docker image prune --all` alone.
        told = f"`docker system prune` would take image {image}: what holds it can't run"
        host.log(f"{told}: {error}")


def _remove_files(host: Host, plan: HostPlan, releases: tuple[str, ...]) -> bool:
    if not releases:
        return True
    directory = f"{plan.detected.directory}/releases"
    paths = [
        f"{directory}/{name}{ending}" for name in releases for ending in (".cdx.json", ".json", "")
    ]
    command = StringCommand("rm -rf", *(QuoteString(path) for path in paths))
    if host.run_shell_command(command)[0]:
        return True
    return refused(host, f"old releases can't be removed: {', '.join(releases)}")


def _remove_image(host: Host, api: APIClient, image: str) -> None:
    """Take an image's names from it, the last of which takes the image."""
    try:
        names = api.inspect_image(image)["RepoTags"] or [image]  # type: ignore[no-untyped-call]
        for name in names:
            api.remove_image(name)
    except NotFound:
        return
    except APIError as error:
        host.log(f"image {image} is left: {error.explanation}")
