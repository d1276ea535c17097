"""Which releases that a host keeps could be brought up on another one."""

from collections.abc import Collection, Iterable

from stack.errors import DrydockError
from stack.release.images import summary
from stack.release.kept import KeptRelease
from stack.release.render import Release


def earlier(
    kept: Iterable[KeptRelease], current: str, secrets: Collection[str]
) -> tuple[tuple[Release, ...], tuple[str, ...]]:
    """Good releases beside the current one, the newest first; and what keeps others from it.

    + secrets: names of those that the host has
    """
    fit: list[Release] = []
    unfit: list[str] = []
    good = [it for it in kept if it.good and it.id != current]
    for it in sorted(good, key=lambda it: it.number, reverse=True):
        if it.release is None:
            unfit.append(f"release {it.id}: {it.damage[0]}")
        elif base := _lacks_base(it.release):
            unfit.append(f"release {it.id}: {base}")
        elif missing := sorted(it.release.secrets() - set(secrets)):
            unfit.append(f"release {it.id}: its secret {missing[0]} is missing on this host")
        else:
            fit.append(it.release)
    return tuple(fit), tuple(unfit)


def refuse_unbuildable(release: Release) -> None:
    """Refuse a kept release whose images can't be built from its own files."""
    if base := _lacks_base(release):
        raise DrydockError(
            f"release {release.id} can't be built elsewhere: {base}: deploy first, then back up"
        )


def _lacks_base(release: Release) -> str | None:
    for name, image in release.images.items():
        for parent in image.parents:
            base = release.shared.get(parent)
            part = f"base {image.stack}-{parent}"
            if base is None or image.parts.get(part) != summary({part: base.digest})[part]:
                return f"{name} is built on another {parent} than it has"
    return None
