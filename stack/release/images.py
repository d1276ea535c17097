"""Images by content: what each is made of, and the digest that names it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stack.errors import DrydockError
from stack.model import Build, Stack
from stack.release import digest, templates

LABEL = "dev.drydock.image"
"""Image label: the digest of what the image is made of."""
PARTS_LABEL = "dev.drydock.parts"
"""Image label: JSON of the parts' digests, to say later what changed."""
UPSTREAM_LABEL = "dev.drydock.upstream"
"""Image label: JSON of the upstream images' digests, for when those are pruned."""
STACK_LABEL = "dev.drydock.stack"
"""Label on images and containers: the stack that they belong to."""

IGNORED = {
    "__pycache__", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".DS_Store",
}  # fmt: skip


@dataclass(frozen=True)
class Image:
    """One image of a release: what it is made of and what it is called."""

    name: str
    """The service's name, or that of a shared image."""
    stack: str
    repository: str
    tag: str
    files: Mapping[str, bytes]
    """The build context, its Dockerfile included: path → content."""
    upstream: Mapping[str, str]
    """Upstream image → its digest."""
    parents: tuple[str, ...]
    """Names of this stack's images that it builds on."""
    parts: Mapping[str, str]
    digest: str

    @property
    def reference(self) -> str:
        """What the compose file calls it: nautilus-risk:m4max."""
        return f"{self.repository}:{self.tag}"

    @property
    def pinned_reference(self) -> str:
        """A tag that only this content has, for images that build on it."""
        return f"{self.repository}:{self.digest[: digest.SHORT]}"

    @property
    def labels(self) -> dict[str, str]:
        """Labels that the image carries, for the next run to read."""
        return {
            STACK_LABEL: self.stack,
            LABEL: self.digest,
            PARTS_LABEL: json.dumps(dict(self.parts), sort_keys=True),
            UPSTREAM_LABEL: json.dumps(dict(self.upstream), sort_keys=True),
        }


def make_images(
    stack: Stack,
    tag: str,
    architecture: str,
    upstream_digests: Mapping[str, str],
    project: Path,
    *,
    monitored: bool = True,
) -> dict[str, Image]:
    """All images of a stack, shared ones first, each after those that it builds on.

    `architecture` is the daemon's (aarch64, x86_64); `upstream_digests` maps each reference of
    `upstream_references` to the digest that the host's daemon knows for it; `monitored` is whether
    a monitor on the host writes figures of the stack.
    """
    builds = dict(stack.images)
    for name, each in stack.services.items():
        builds[name] = each.build or Build(dockerfile="upstream", bases=("upstream",))
    known = {"stack": stack, "monitored": monitored}
    made: dict[str, Image] = {}
    for name in _in_build_order(stack):
        service = stack.services.get(name)
        references = {base: stack.bases[base] for base in builds[name].bases if base in stack.bases}
        if service and service.image:
            references = {"upstream": service.image}
        parents = tuple(base for base in builds[name].bases if base in stack.images)
        made[name] = _make_image(
            name=name,
            stack=stack.name,
            repository=f"{stack.name}-{name}",
            tag=tag,
            build=builds[name],
            values={**known, "service": service, "service_name": name},
            architecture=architecture,
            references=references,
            upstream={ref: upstream_digests[ref] for ref in references.values()},
            parents={parent: made[parent] for parent in parents},
            project=project,
        )
    return made


def upstream_references(stack: Stack) -> tuple[str, ...]:
    """Upstream images that the stack is built on, each once."""
    builds = [*stack.images.values(), *(s.build for s in stack.services.values() if s.build)]
    references = {stack.bases[base] for b in builds for base in b.bases if base in stack.bases}
    references |= {service.image for service in stack.services.values() if service.image}
    return tuple(sorted(references))


def _in_build_order(stack: Stack) -> list[str]:
    """Shared images, each after those that it builds on, then the services' own."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        for base in stack.images[name].bases:
            if base in stack.images and base not in ordered:
                visit(base)
        if name not in ordered:
            ordered.append(name)

    for name in stack.images:
        visit(name)
    return [*ordered, *stack.services]


def _make_image(
    *,
    name: str,
    stack: str,
    repository: str,
    tag: str,
    build: Build,
    values: Mapping[str, object],
    architecture: str,
    references: Mapping[str, str],
    upstream: Mapping[str, str],
    parents: Mapping[str, Image],
    project: Path,
) -> Image:
    bases = {**references, **{key: image.pinned_reference for key, image in parents.items()}}
    common = {
        **values,
        "bases": {key.replace("-", "_"): reference for key, reference in bases.items()},
        "architecture": architecture,
        "arguments": build.arguments,
    }
    dockerfile = templates.render(project, f"images/{build.dockerfile}.Dockerfile.j2", **common)
    files = read_context(project, build.context)
    for path, template in build.rendered.items():
        files[path] = templates.render(project, template, **common).encode()
    parts = {
        "Dockerfile": digest.of_bytes(dockerfile.encode()),
        **{path: digest.of_bytes(content) for path, content in files.items()},
        **{f"base {reference}": value for reference, value in upstream.items()},
        **{f"base {image.repository}": image.digest for image in parents.values()},
        "architecture": architecture,
    }
    return Image(
        name=name,
        stack=stack,
        repository=repository,
        tag=tag,
        files={"Dockerfile": dockerfile.encode(), **files},
        upstream=upstream,
        parents=tuple(parents),
        parts=summary(parts),
        digest=digest.of_data(parts),
    )


def summary(parts: Mapping[str, str]) -> dict[str, str]:
    """Parts short enough for a label: a digest for each folder of the context."""
    folders: dict[str, dict[str, str]] = {}
    for part, value in parts.items():
        key = part.rpartition("/")[0] if "/" in part and not part.startswith("base ") else part
        folders.setdefault(key, {})[part] = value
    return {key: digest.of_data(group)[: digest.SHORT] for key, group in folders.items()}


def _matches(root: Path, pattern: str) -> list[Path]:
    if pattern[:1] in ("", "/") or ".." in PurePosixPath(pattern).parts:
        raise DrydockError(
            f"stack data: build context {pattern!r} must be below the project: write a relative"
            " path, without '..'"
        )
    try:
        return list(root.glob(pattern))
    except (ValueError, NotImplementedError, OSError) as error:
        raise DrydockError(f"stack data: build context {pattern!r} is no glob: {error}") from error


def _refuse_links_outside(root: Path, paths: Iterable[Path]) -> None:
    """What a link leads to would become part of an image: a private key, say."""
    real = root.resolve()
    for path in paths:
        if not path.resolve().is_relative_to(real):
            raise DrydockError(
                f"build context: {path.relative_to(root)} is a link out of {root}, or below one:"
                " put the file itself there, or leave it out of the stack's context"
            )


def read_context(project: Path, globs: tuple[str, ...]) -> dict[str, bytes]:
    """Files of a build context by their path in the project; a glob without a match is an error."""
    files: dict[str, bytes] = {}
    for pattern in globs:
        root, matched = project, _matches(project, pattern)
        if not matched:
            root, matched = templates.HOME, _matches(templates.HOME, pattern)
        found = (
            path for match in matched for path in (match.rglob("*") if match.is_dir() else [match])
        )
        matches = sorted(
            path
            for path in found
            if path.is_file() and not IGNORED & set(path.relative_to(root).parts)
        )
        if not matches:
            raise DrydockError(
                f"stack data: build context {pattern!r} matches no file below {project};"
                " correct the path, or run from the folder that holds it"
            )
        _refuse_links_outside(root, matches)
        files |= {str(path.relative_to(root)): path.read_bytes() for path in matches}
    return files
