"""A release made of two: the current one, with some services as an earlier one had them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from stack.errors import DrydockError
from stack.model import Map
from stack.origins import suggest
from stack.release.render import DESCRIPTION, SERVICES, Release, render_compose
from stack.release.templates import HOME

Value = TypeVar("Value")


@dataclass(frozen=True)
class Mixture:
    """A release whose files come from two that the host keeps, a few of them anew."""

    release: Release
    base: str
    """Id of the release that most of it comes from."""
    source: str
    """Id of the release that the services come from."""
    services: tuple[str, ...]


def mix(base: Release, source: Release, services: Iterable[str], secrets_directory: str) -> Mixture:
    """Take services from `source` and the rest from `base`; DrydockError for one it hasn't."""
    chosen = tuple(dict.fromkeys(services))
    for name in chosen:
        if name not in source.stack.services:
            raise DrydockError(
                f"services: {name!r} is not in release {source.id};"
                f" {suggest(name, source.stack.services)}"
            )
    mixed = Release(
        stack=base.stack.model_copy(
            update={"services": {**base.stack.services, **_of(source.stack.services, chosen)}}
        ),
        map=Map(services={**base.map.services, **_of(source.map.services, chosen)}),
        tag=base.tag,
        images={**base.images, **_of(source.images, chosen)},
        containers={**base.containers, **_of(source.containers, chosen)},
        files={},
        kept={
            **{path: it for path, it in base.kept.items() if not _belongs(path, chosen)},
            **{path: it for path, it in source.kept.items() if _belongs(path, chosen)},
        },
        shared=base.shared,
    )
    anew = {
        mixed.compose_file: render_compose(mixed, secrets_directory, HOME).encode(),
        DESCRIPTION: mixed.description(),
        SERVICES: mixed.services(),
    }
    kept = {path: it for path, it in mixed.kept.items() if path not in anew}
    return Mixture(replace(mixed, files=anew, kept=kept), base.id, source.id, chosen)


def _of(values: Mapping[str, Value], names: Iterable[str]) -> dict[str, Value]:
    return {name: values[name] for name in names}


def _belongs(path: str, services: Iterable[str]) -> bool:
    return any(path.startswith(f"images/{name}/") for name in services)
