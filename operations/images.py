"""Images on a host: pulled, built and tagged, only where their content is missing."""

import csv
import io
from collections.abc import Generator
from pathlib import Path

from docker.errors import APIError, DockerException
from gevent.pool import Pool
from pyinfra.api.command import (
    FileUploadCommand,
    PyinfraCommand,
    QuoteString,
    StringCommand,
)
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from requests.exceptions import RequestException

from facts.detect import Detected
from link.daemon import close, daemon
from operations.docker_cli import docker
from operations.heat import Gate
from operations.lacking import Lacking
from operations.progress import Progress
from operations.refusal import refused, step
from stack.changes.change import Changes
from stack.errors import DrydockError
from stack.release.images import LABEL, Image
from stack.release.render import Release
from stack.release.upstream import by_digest, cannot_pull, familiar, mirrored
from stack.settings import Settings

LAST_LINES = 30
MAX_PARALLEL = 4
"""Builds at once, at most: sshd allows ten sessions a connection."""


@operation()
def pull(
    release: Release, changes: Changes, detected: Detected, settings: Settings
) -> Generator[PyinfraCommand, None, None]:
    """Pull the upstream images that a build needs and the host lacks, by their digests.

    + release: their digests
    + changes: what differs
    + detected: the host
    + settings: through which registry
    """
    digests = {ref: it for image in release.images.values() for ref, it in image.upstream.items()}
    missing = {reference: digests[reference] for reference in changes.subjects("pull")}
    if missing:
        yield step(_pull_all, missing, detected, settings)


def _pull_all(host: Host, missing: dict[str, str], detected: Detected, settings: Settings) -> bool:
    api = daemon(host, detected.runtime)
    with Progress(host, "pull", len(missing)).told() as progress:
        for reference, digest in missing.items():
            progress.begin(reference)
            source = by_digest(mirrored(reference, settings), digest)
            try:
                for line in api.pull(source, stream=True, decode=True):
                    if "error" in line:
                        return refused(host, cannot_pull(reference, settings, line["error"]))
                if source != reference:
                    repository, _, tag = familiar(reference).rpartition(":")
                    api.tag(source, repository, tag)
            except (DockerException, RequestException) as error:
                why = error.explanation if isinstance(error, APIError) else error
                return refused(host, cannot_pull(reference, settings, why))
            progress.end(reference, "pulled")
    return True


@operation()
def build(
    release: Release,
    changes: Changes,
    detected: Detected,
    settings: Settings,
    gate: Gate | None = None,
    lacking: Lacking | None = None,
) -> Generator[PyinfraCommand, None, None]:
    """Build the images whose content the host lacks.

    + release: the images, and where their build contexts are
    + changes: what differs
    + detected: the host
    + settings: CA bundle, package indexes, how many builds at once
    + gate: what a Mac's heat keeps waiting; None waits for nothing
    + lacking: what of it the host builds itself; None: all

    Idempotent: an image is known by the digest of all that it is made of, kept as its label.
    """
    names = changes.subjects("build")
    if not names:
        return
    for name, content in build_secrets(settings).items():
        yield FileUploadCommand(io.BytesIO(content), f"{detected.directory}/docker/{name}")
    yield step(build_all, release, names, detected, settings, gate, lacking)


@operation()
def tag(
    release: Release, changes: Changes, detected: Detected
) -> Generator[PyinfraCommand, None, None]:
    """Give images that the host has under other names the release's own.

    + release: the images
    + changes: what differs
    + detected: the host
    """
    for change in changes.of("tag"):
        yield from _tag(release.images[change.subject], detected)


def _tag(image: Image, detected: Detected) -> Generator[PyinfraCommand, None, None]:
    # The image is found by its label: its tags are what is wrong.
    found = docker(
        detected, "images", "--quiet", "--no-trunc",
        "--filter", f"label={LABEL}={image.digest}",
    )  # fmt: skip
    for reference in (image.reference, image.pinned_reference):
        newest = StringCommand('"$(', found, '| head -n 1)"')
        yield StringCommand(docker(detected, "tag"), newest, QuoteString(reference))


def build_secrets(settings: Settings) -> dict[str, bytes]:
    """Files that a build step may read without a layer keeping them: CA bundle, package indexes.

    DrydockError when the CA bundle can't be read.
    """
    files: dict[str, bytes] = {"ca": b"", "pip": b"", "npm": b""}
    if settings.ca_bundle:
        try:
            files["ca"] = Path(settings.ca_bundle).read_bytes()
        except OSError as error:
            raise DrydockError(
                f"ca_bundle = {settings.ca_bundle!r} can't be read here: {error.strerror};"
                " name the PEM file of your network's CA, or leave it out"
            ) from error
    if settings.pip_index_url:
        files["pip"] = f"[global]\nindex-url = {settings.pip_index_url}\n".encode()
    if settings.npm_registry:
        files["npm"] = f"registry={settings.npm_registry}\n".encode()
    return files


def _fields(*fields: str) -> str:
    """Several values in one argument, as BuildKit reads it: a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def build_all(
    host: Host,
    release: Release,
    names: tuple[str, ...],
    detected: Detected,
    settings: Settings,
    gate: Gate | None = None,
    lacking: Lacking | None = None,
) -> bool:
    """Build images of a release by BuildKit, as a step of an operation.

    + names: which, unless `lacking` says it
    """
    if lacking:
        names = lacking.mine()
        if not names:
            return True
    # Each build takes a session of the connection; the daemon's client opens its own again.
    close(host)
    parallel = settings.build_parallel or min(detected.daemon.cpus, MAX_PARALLEL)
    if gate and not gate.cool_enough(host, "building"):
        parallel = 1
    alike = _alike(release, names)
    host.log(f"building {len(alike)} images, {parallel} at a time")
    with Progress(host, "build", len(alike)).told() as progress:

        def one(group: list[str]) -> bool:
            progress.begin(", ".join(group))
            built = _build(host, release, group, detected)
            progress.end(", ".join(group), "built" if built else "failed")
            return built

        done = all(all(Pool(parallel).map(one, wave)) for wave in _waves(release, alike))
    if done and lacking:
        lacking.made(names)
        lacking.built += names
    return done


def _waves(release: Release, groups: list[list[str]]) -> list[list[list[str]]]:
    """Groups that are built at once: first those on upstream images, then those on these."""

    def height(name: str) -> int:
        return 1 + max(map(height, release.images[name].parents), default=0)

    waves: dict[int, list[list[str]]] = {}
    for group in groups:
        waves.setdefault(height(group[0]), []).append(group)
    return [waves[key] for key in sorted(waves)]


def _alike(release: Release, names: tuple[str, ...]) -> list[list[str]]:
    """Names grouped by content: built at once, equal images fail at each other's tags."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for name in names:
        key = (release.images[name].digest, name in release.containers)
        groups.setdefault(key, []).append(name)
    return list(groups.values())


def _build(host: Host, release: Release, names: list[str], detected: Detected) -> bool:
    image = release.images[names[0]]
    context = f"{detected.directory}/releases/{release.id}/images/{names[0]}"
    labels = [part for item in image.labels.items() for part in ("--label", "=".join(item))]
    secrets = [
        part
        for secret in ("ca", "pip", "npm")
        for part in (
            "--secret",
            _fields(f"id={secret}", f"src={detected.directory}/docker/{secret}"),
        )
    ]
    tags = [
        part
        for each in (release.images[name] for name in names)
        for reference in (each.reference, each.pinned_reference)
        for part in ("--tag", reference)
    ]
    command = docker(
        detected, "buildx", "build", "--builder", "default", "--progress", "plain",
        *labels, *secrets, *tags, context,
        BUILDX_NO_DEFAULT_ATTESTATIONS="1",
    )  # fmt: skip
    succeeded, output = host.run_shell_command(command, print_output=False, print_input=False)
    if succeeded:
        return True
    last = "\n".join(output.output_lines[-LAST_LINES:])
    return refused(
        host, f"{', '.join(names)}: its image doesn't build; the last lines were:\n{last}"
    )
