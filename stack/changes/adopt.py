"""A stack that somebody else made and that runs: what of it is taken over."""

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stack.changes.change import Change, CurrentRelease
from stack.changes.observed import Observed, ObservedContainer
from stack.errors import DrydockError
from stack.model import Stack
from stack.release.images import STACK_LABEL

PROJECT_LABEL = "com.docker.compose.project"
CONFIG_FILES_LABEL = "com.docker.compose.project.config_files"
SECRETS = "/run/secrets/"
GRAFANA_FILE = "$__file{"
"""How a value begins that Grafana itself reads of a file."""


@dataclass(frozen=True)
class Adoption:
    """Containers that hold the stack's names, and what they have that the stack goes on with."""

    originals: Mapping[str, ObservedContainer] = field(default_factory=dict, repr=False)
    """By container name."""
    volumes: Mapping[str, str] = field(default_factory=dict)
    """Volume in the stack's data → the existing one that holds its data."""
    project: str | None = None
    """A compose project of our own, where theirs has the stack's name."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secret → the value that the original was given in its environment."""

    def __bool__(self) -> bool:
        return bool(self.originals)

    @property
    def taken(self) -> dict[str, str]:
        """What the host has to remember: volume → existing one; "" → Compose's project."""
        return {**self.volumes, **({"": self.project} if self.project else {})}

    @property
    def config_files(self) -> tuple[str, ...]:
        """Compose files that the originals were made by, as absolute paths on the host."""
        said = [it.labels.get(CONFIG_FILES_LABEL, "").split(",") for it in self.originals.values()]
        return tuple(dict.fromkeys(path for paths in said for path in paths if path))

    def of(self, stack: Stack) -> Stack:
        """The stack, as it goes on with what is taken over."""
        return as_adopted(stack, self.taken)

    def without(self, observed: Observed) -> Observed:
        """What a host has, as if the originals were out of the way already."""
        left = {n: it for n, it in observed.containers.items() if n not in self.originals}
        return replace(observed, containers=left)

    def known(self, current: CurrentRelease) -> CurrentRelease:
        """What the host keeps, with the secrets that are taken over."""
        names = dict.fromkeys((*current.secrets, *self.secrets))
        return replace(current, secrets=tuple(names))

    def changes(self) -> Iterator[Change]:
        """The same in words."""
        for name, it in self.originals.items():
            reason = (
                f"made by {maker(it)}, is stopped when all images are there and kept as"
                f" {set_aside_name(name)}, with an interruption until ours is healthy"
            )
            yield Change("set aside", name, "container", reason=reason)
        for volume, name in self.volumes.items():
            yield Change("adopt", volume, "volume", None, name, "with its data")
        for secret in self.secrets:
            reason = "from the environment of its container"
            yield Change("adopt", "release", f"secret {secret}", reason=reason)


def set_aside_name(name: str) -> str:
    """What an original container is called while ours has its name."""
    return f"{name}-original"


def maker(container: ObservedContainer) -> str:
    """Who made a container, in words."""
    project = container.labels.get(PROJECT_LABEL)
    return f"the compose project {project!r}" if project else "hand"


def as_adopted(stack: Stack, adopted: Mapping[str, str]) -> Stack:
    """A stack with the volumes that were taken over; what its data says itself comes first.

    + adopted: volume → its name on the host; "" → Compose's project
    """
    volumes = {volume: name for volume, name in adopted.items() if volume}
    project = stack.project or adopted.get("")
    names = {**volumes, **stack.volume_names}
    return stack.model_copy(update={"volume_names": names, "project": project})


def foreign(stack: Stack, observed: Observed) -> dict[str, ObservedContainer]:
    """Service → the container that holds its name and was not made for this stack."""
    held = {
        service: observed.containers.get(stack.container_name(service))
        for service in stack.services
    }
    # Compose replaces only what bears its label too.
    ours = {stack.compose_project, stack.name}
    return {
        service: it
        for service, it in held.items()
        if it and {it.labels.get(PROJECT_LABEL), it.labels.get(STACK_LABEL)} != ours
    }


def adoption_of(stack: Stack, observed: Observed, secrets_there: Container[str]) -> Adoption:
    """What taking over comes to; DrydockError where it can't be done without losing anything.

    + secrets_there: names of those that the host has already, which stay as they are
    """
    found = foreign(stack, observed)
    volumes: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for service, container in found.items():
        if container.inspected["HostConfig"].get("AutoRemove"):
            raise DrydockError(
                f"container {container.name} was started with --rm: it would be gone when it stops;"
                " start it without, then run again"
            )
        volumes |= _volumes(stack, service, container)
        secrets |= _secrets(stack, service, container)
    same = any(it.labels.get(PROJECT_LABEL) == stack.name for it in found.values())
    return Adoption(
        originals={it.name: it for it in found.values()},
        volumes=volumes,
        project=f"{stack.name}-drydock" if same else None,
        secrets={name: value for name, value in secrets.items() if name not in secrets_there},
    )


def _volumes(stack: Stack, service: str, container: ObservedContainer) -> dict[str, str]:
    """The volumes that hold what the service will look for at the same paths."""
    mounts: dict[str, Mapping[str, Any]] = {
        it["Destination"]: it for it in container.inspected["Mounts"]
    }
    found: dict[str, str] = {}
    for volume, path in stack.services[service].volumes.items():
        mount = mounts.get(path)
        if mount is None:
            continue
        if mount["Type"] != "volume":
            raise DrydockError(
                f"container {container.name} keeps {path} in the host's folder {mount['Source']},"
                f" not in a volume: copy it into a volume {stack.volume_name(volume)!r} and remove"
                " the container, or leave it out of the stack"
            )
        found[volume] = mount["Name"]
    return found


def _secrets(stack: Stack, service: str, container: ObservedContainer) -> dict[str, str]:
    """Secrets whose value the original has in its environment, where ours reads a file."""
    pairs = (entry.partition("=") for entry in container.inspected["Config"].get("Env") or ())
    given = {key: value for key, _, value in pairs}
    return {
        secret: given[key]
        for key, secret in _read_of_files(stack.services[service].environment)
        if given.get(key) and not given[key].startswith(GRAFANA_FILE)
    }


def _read_of_files(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each variable that a service takes from a secret's file, with the secret's name."""
    for name, value in environment.items():
        if value.startswith(SECRETS):
            # Of Grafana's image: two underscores.
            yield name.removesuffix("_FILE").rstrip("_"), value.removeprefix(SECRETS)
        elif value.startswith(GRAFANA_FILE + SECRETS):
            yield name, value.removeprefix(GRAFANA_FILE + SECRETS).removesuffix("}")


def remembered(taken: Mapping[str, str]) -> bytes:
    """What is taken over, a line each, as facts/release.sh prints it."""
    return "".join(f"{volume}\t{name}\n" for volume, name in taken.items()).encode()


def original_json(adoption: Adoption, former: str) -> bytes:
    """The originals as the daemon describes them; those that were kept before stay as they were."""
    kept = json.loads(former) if former else {}
    inspected = {name: dict(it.inspected) for name, it in adoption.originals.items()}
    return json.dumps({**inspected, **kept}, indent=1).encode()
