"""Images that several hosts need: one builds them, the others take them from it (`build_once`)."""

from collections.abc import Callable, Generator, Iterator
from weakref import WeakKeyDictionary

from gevent.lock import RLock
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.context import state

from facts.detect import Located
from facts.kept_plan import located_by_name
from operations import images
from operations.heat import Gate
from operations.lacking import Lacking, taking_part
from operations.progress import Progress
from operations.refusal import LOST, step
from operations.registry import fetch, push
from operations.transfer import Moved, Source, move
from stack.errors import DrydockError
from stack.rollout.builders import nearest

ASKED = 3
"""Hosts beside a run's own that are asked for images, at most."""

_connecting: "WeakKeyDictionary[Host, RLock]" = WeakKeyDictionary()


@operation()
def take(lacking: Lacking) -> Generator[PyinfraCommand, None, None]:
    """Take images that other hosts have already; what none of them has is left to build.

    + lacking: what the host lacks

    Idempotent: an image is known by the digest of its content.
    """
    if lacking.names and lacking.shares:
        yield step(_take, lacking)


@operation()
def finish(lacking: Lacking, gate: Gate | None = None) -> Generator[PyinfraCommand, None, None]:
    """Take what another host has built by now; build here what still is missing.

    + lacking: what the host lacks
    + gate: what a Mac's heat keeps waiting
    """
    if lacking.names and lacking.shares:
        yield step(_finish, lacking, gate)


@operation()
def publish(lacking: Lacking) -> Generator[PyinfraCommand, None, None]:
    """Push what this host has built to the registry that the others take it from.

    + lacking: what the host lacked
    """
    # By now it may have built all that it lacked.
    if lacking.digests and lacking.plan.settings.image_registry:
        yield step(_publish, lacking)


def _publish(host: Host, lacking: Lacking) -> bool:
    registry = lacking.plan.settings.image_registry
    if registry and lacking.built:
        try:
            push(host, lacking, registry, lacking.built)
        except LOST as error:
            why = f"{type(error).__name__} {error}"
            host.log_styled(f"images can't be pushed to {registry}: {why}", fg="yellow")
        else:
            host.log(f"{len(lacking.built)} images pushed to {registry}")
    return True


def _finish(host: Host, lacking: Lacking, gate: Gate | None) -> bool:
    plan = lacking.plan
    if not lacking.names:
        return True
    _take(host, lacking)
    lacking.alone = True
    return images.build_all(
        host, plan.release, (), plan.detected, plan.settings, gate, lacking=lacking
    )


def _take(host: Host, lacking: Lacking) -> bool:
    registry = lacking.plan.settings.image_registry
    if registry:
        _from(host, lacking, registry, lambda: fetch(host, lacking, registry))
    if lacking.plan.settings.build_once:
        for other, located in _sources(lacking):
            if lacking.names:
                _from(host, lacking, other.name, _moving(host, lacking, other, located))
    return True


def _from(host: Host, lacking: Lacking, source: str, move: Callable[[], Moved | None]) -> None:
    """Take what a source has of the images, and say what was measured; or why it can't be."""
    progress = Progress(host, "pull", 1)
    work, wanted = f"images from {source}", len(lacking.names)
    try:
        with progress.told():
            progress.begin(work)
            moved = move()
    except (*LOST, DrydockError) as error:
        why = f"{type(error).__name__} {error}"
        host.log_styled(f"images can't be taken from {source}: {why}", fg="yellow")
        return
    if moved is None:
        host.log(f"{source} has none of the images that are missing here")
        return
    lacking.made(moved.names)
    progress.end(work, f"{len(moved.names)} of {wanted} taken, {moved.words},")


def _moving(
    host: Host, lacking: Lacking, other: Host, located: Located | None
) -> Callable[[], Moved | None]:
    def moving() -> Moved | None:
        wanted = {name: lacking.plan.release.images[name] for name in lacking.names}
        source = Source(other, located) if located else _reached(other)
        return move(host, lacking.plan.detected, source, wanted)

    return moving


def _sources(lacking: Lacking) -> Iterator[tuple[Host, Located | None]]:
    """Hosts to ask: those of this run that have something, then those that the data names."""
    wanted = set(lacking.digests.values())
    for it in taking_part():
        if it.host is not lacking.host and wanted & it.has:
            yield it.host, it.plan.detected
    known = {each.name: each for each in state.inventory}
    groups = {name: list(known[name].groups) for name in lacking.plan.settings.image_sources}
    for name in nearest(list(lacking.host.groups), groups)[:ASKED]:
        if known[name] is not lacking.host and known[name] not in state.active_hosts:
            yield known[name], None


def _reached(host: Host) -> Source:
    """Connect to a host that this run doesn't deploy to."""
    with _connecting.setdefault(host, RLock()):
        host.connect(reason="it has images", raise_exceptions=True)
        located, _ = located_by_name(host)
    return Source(host, located)
