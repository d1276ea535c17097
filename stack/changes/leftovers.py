"""What a stack leaves behind that no container is: networks of its own that it no longer uses."""

from collections.abc import Iterator

from stack.changes.change import Change, Changes
from stack.changes.observed import Observed
from stack.release.render import Release


def leftovers(release: Release, observed: Observed, changes: Changes) -> Iterator[Change]:
    """The stack's networks that nothing will be on once the changes are made; others' never are.

    They are no drift: what runs is as it should be with them, too.
    """
    stack = release.stack
    wanted = {name for it in release.containers.values() for name in it.networks}
    remade = [name for name in changes.subjects("recreate") if name in stack.services]
    leaving = {
        *changes.subjects("remove"),
        *map(stack.container_name, remade),
        *map(stack.stand_in_name, changes.subjects("retire")),
    }
    for name, containers in sorted(observed.networks.items()):
        if name not in wanted and leaving.issuperset(containers):
            yield Change("clean", name, "network", reason="nothing of the stack uses it any more")
