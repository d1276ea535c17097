"""A release: every file that a host gets, named by the digest of their content."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from stack.model import Map, Stack
from stack.release import digest, templates
from stack.release.containers import LOG_OPTIONS, Container, desired_container, shown
from stack.release.images import Image, make_images
from stack.settings import Settings

MANIFEST = "manifest.json"
DESCRIPTION = "release.json"
SERVICES = "services.tsv"
FORMAT = 1
"""Of the description; another one can't be gone back to by this version."""


@dataclass(frozen=True)
class Release:
    """All that one host gets and should run."""

    stack: Stack
    map: Map
    tag: str
    images: Mapping[str, Image]
    containers: Mapping[str, Container]
    """Service → what its container should be."""
    files: Mapping[str, bytes]
    """Path below the release's directory → content, the manifest excepted."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Secret that the data gives → SHA-256 of its value."""
    kept: Mapping[str, str] = field(default_factory=dict)
    """Path → SHA-256 of files that are on the host alone, in a release that is kept there."""
    shared: Mapping[str, Image] = field(default_factory=dict)
    """Of a kept release: images that its services' are built on, which it can run without."""

    @cached_property
    def id(self) -> str:
        """Twelve hex digits of the digest of the files."""
        return digest.of_data(self.manifest_files())[: digest.SHORT]

    @property
    def compose_file(self) -> str:
        """The compose file's name: docker-compose.m4max.yml."""
        return f"docker-compose.{self.tag}.yml"

    def manifest_files(self) -> dict[str, str]:
        """Path → SHA-256 of every file."""
        written = {path: digest.of_bytes(content) for path, content in self.files.items()}
        return {**self.kept, **written}

    def secrets(self) -> set[str]:
        """Names of all secrets that its services read."""
        return {name for service in self.stack.services.values() for name in service.secrets}

    def host_directories(self) -> set[str]:
        """Names of all directories of the host that its services are shown."""
        return {name for it in self.stack.services.values() for name in it.host_directories}

    def manifest(self) -> bytes:
        """The files' digests, kept beside them: what a later run compares with."""
        content = {"release": self.id, "files": self.manifest_files()}
        return json.dumps(content, indent=1, sort_keys=True).encode()

    def services(self) -> bytes:
        """What the monitor must know: service, container, latency class, CPUs; a line each."""
        lines = (
            (
                name,
                self.stack.container_name(name),
                it.latency_class,
                f"{self.map.services[name].cpus:g}",
            )
            for name, it in self.stack.services.items()
        )
        return "".join("\t".join(line) + "\n" for line in lines).encode()

    def description(self) -> bytes:
        """What should run, as far as going back to it needs to know: see stack/release/kept.py."""
        known = {**self.shared, **self.images}
        images = {name: {**asdict(it), "files": {}} for name, it in known.items()}
        content = {
            "format": FORMAT,
            "tag": self.tag,
            "stack": self.stack.model_dump(mode="json"),
            "map": {name: it.model_dump() for name, it in self.map.services.items()},
            "images": {name: it for name, it in images.items() if name in self.containers},
            # What those are built on: to go back nobody needs it, to build them elsewhere one does.
            "shared": {name: it for name, it in images.items() if name not in self.containers},
            "containers": {name: asdict(it) for name, it in self.containers.items()},
        }
        return json.dumps(content, indent=1).encode()


def render_release(
    *,
    stack: Stack,
    core_map: Map,
    tag: str,
    architecture: str,
    settings: Settings,
    upstream_digests: Mapping[str, str],
    secrets_directory: str,
    project: Path,
    monitored: bool = True,
) -> Release:
    """Render everything for one host; DrydockError where a template or a file is at fault.

    `secrets_directory` is the absolute path on the host whose files become /run/secrets;
    `monitored` is whether a monitor on the host writes figures of the stack.
    """
    images = make_images(stack, tag, architecture, upstream_digests, project, monitored=monitored)
    contexts = {
        f"images/{image.name}/{path}": content
        for image in images.values()
        for path, content in image.files.items()
    }
    return release_of(stack, core_map, tag, images, contexts, settings, secrets_directory, project)


def release_of(
    stack: Stack,
    core_map: Map,
    tag: str,
    images: Mapping[str, Image],
    contexts: Mapping[str, bytes],
    settings: Settings,
    secrets_directory: str,
    project: Path,
) -> Release:
    """A release of images that are known.

    + contexts: files of their build contexts, by path below the release's directory
    """
    containers = {
        name: desired_container(
            stack, name, images[name], core_map.services[name], settings, secrets_directory
        )
        for name in stack.services
    }
    release = Release(stack, core_map, tag, images, containers, files={})
    compose = render_compose(release, secrets_directory, project)
    files = {
        **contexts,
        release.compose_file: compose.encode(),
        DESCRIPTION: release.description(),
        SERVICES: release.services(),
    }
    return Release(stack, core_map, tag, images, containers, files, settings.given_digests)


def render_compose(release: Release, secrets_directory: str, project: Path) -> str:
    """The compose file: what `docker compose` creates, and what a person reads."""
    stack = release.stack
    return templates.render(
        project,
        "docker-compose.yml.j2",
        stack=stack,
        tag=release.tag,
        images=release.images,
        services={
            name: {
                **asdict(container),
                "container_name": stack.container_name(name),
                "allocation": release.map.services[name],
                "service": stack.services[name],
                "shown": shown(stack.services[name], secrets_directory),
            }
            for name, container in release.containers.items()
        },
        log_options=LOG_OPTIONS,
        secrets_directory=secrets_directory,
        secrets=sorted(release.secrets()),
        volumes=sorted({v for service in stack.services.values() for v in service.volumes}),
    )
