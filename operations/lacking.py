"""What hosts of a run lack of their images, and which of them builds it."""

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from pyinfra.api.host import Host
from pyinfra.context import state

from facts.plan import HostPlan
from stack.errors import DrydockError
from stack.rollout.builders import builders, with_parents

_lacking: "WeakKeyDictionary[Host, Lacking]" = WeakKeyDictionary()


class Lacking:
    """Images that a host still lacks in this run."""

    def __init__(self, host: Host, plan: HostPlan) -> None:
        self.host, self.plan = host, plan
        self.names = list(plan.changes.subjects("build"))
        self.digests = {name: plan.release.images[name].digest for name in self.names}
        """Names of the images that it lacked when the run began → digests of their content."""
        self.built: tuple[str, ...] = ()
        """Names of those that it has built itself."""
        self.alone = False
        """Whether all that is left is built here, whoever else would build it, too."""

    @property
    def shares(self) -> bool:
        """Whether other hosts may build for it."""
        settings = self.plan.settings
        return bool(settings.build_once or settings.image_registry) and not self.alone

    @property
    def has(self) -> set[str]:
        """Digests of the content that it has, of its release."""
        images = self.plan.release.images
        return {image.digest for name, image in images.items() if name not in self.names}

    def mine(self) -> tuple[str, ...]:
        """Names of what this host builds itself, with all that it is built on."""
        if not self.shares:
            return tuple(self.names)
        # By what all lacked at first: a host that has built its part already keeps it.
        wanted = {it.host.name: it.digests.values() for it in taking_part()}
        chosen = builders(wanted)
        own = [name for name, it in self.digests.items() if chosen.get(it) == self.host.name]
        parents = {name: it.parents for name, it in self.plan.release.images.items()}
        needed = with_parents(own, parents)
        return tuple(name for name in self.names if name in needed)

    def made(self, names: Iterable[str]) -> None:
        """These are on the host now."""
        there = set(names)
        self.names = [name for name in self.names if name not in there]


def join(host: Host, plan: HostPlan) -> Lacking:
    """Tell the run what a host lacks, before any host of it builds.

    DrydockError when the data names a source that isn't in the inventory.
    """
    known = [each.name for each in state.inventory]
    for name in plan.settings.image_sources:
        if name not in known:
            raise DrydockError(
                f"image_sources: {name!r} is no host of the inventory: name one of"
                f" {', '.join(known)}, or leave it out"
            )
    lacking = Lacking(host, plan)
    _lacking[host] = lacking
    return lacking


def taking_part() -> list[Lacking]:
    """Hosts of this run that share images and haven't failed, in the inventory's order."""
    active = [host for host in state.inventory if host in state.active_hosts]
    joined = [_lacking[host] for host in active if host in _lacking]
    return [it for it in joined if it.shares]
