"""Releases on a host: their files, their secrets, and which of them is current."""

import io
import json
import tarfile
from collections.abc import Generator

from pyinfra.api.command import FileUploadCommand, PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.operation import operation

from facts.detect import Detected
from facts.tools import ToolsInfo
from operations.secrets import generate, take
from stack.changes.change import Changes
from stack.release import digest
from stack.release.mixture import Mixture
from stack.release.render import MANIFEST, Release
from stack.settings import Settings

LONG_AGO = 946_684_800
"""The year 2000 in Unix time: ZIP archives, so Python's wheels, can't tell times before 1980."""


@operation()
def write(
    release: Release,
    changes: Changes,
    detected: Detected,
    settings: Settings,
    tools: ToolsInfo | None,
) -> Generator[PyinfraCommand, None, None]:
    """Put a release's files beside the former ones, and generate the secrets that are missing.

    + release: what to write
    + changes: what differs; without a change to a file nothing is done
    + detected: the host
    + settings: values of the secrets that the data gives
    + tools: where the host's Docker CLI plugins are; None when nothing is to be written

    Nothing that runs is touched. The files become visible under their release's name in one step,
    so a transfer that breaks leaves no half release behind that a later run would trust.
    """
    if not changes.of("write") or tools is None:
        return
    directory, incoming = detected.directory, f"{detected.directory}/incoming-{release.id}"
    yield StringCommand(
        "umask 077 && mkdir -p",
        *(QuoteString(f"{directory}/{name}") for name in ("releases", "secrets", "docker")),
    )
    yield _sweep(directory)
    yield FileUploadCommand(io.BytesIO(_archive(release)), f"{incoming}.tar")
    # Modes become part of image layers, so they must not follow the user's umask; that nobody else
    # may read them is the business of the directory above.
    made = StringCommand(
        "umask 022 && rm -rf", QuoteString(incoming), "&& mkdir", QuoteString(incoming)
    )
    yield StringCommand(made, "&&", _unpack(incoming, f"{directory}/releases/{release.id}"))
    configuration = {"auths": {}, "cliPluginsExtraDirs": list(tools.plugin_directories)}
    yield FileUploadCommand(
        io.StringIO(json.dumps(configuration)), f"{directory}/docker/config.json"
    )
    for secret in sorted(release.secrets()):
        path = f"{detected.secrets_directory}/{secret}"
        if secret in settings.given_secrets:
            # As a file, since others on the host can read a command's arguments.
            yield FileUploadCommand(io.StringIO(settings.given_secrets[secret]), f"{path}.new")
            yield take(f"{path}.new", path)
        else:
            yield generate(path)
    for shown in (QuoteString(f"{directory}/{it}") for it in sorted(release.host_directories())):
        # A container's user is not the owner; nobody else can pass the directory above.
        yield StringCommand("mkdir -p", shown, "&& chmod 0755", shown)


def _sweep(directory: str) -> StringCommand:
    """Remove what runs that were cut off left half done; the lock keeps everybody else away."""
    return StringCommand(
        "cd", QuoteString(directory),
        "&& rm -rf incoming-* current-* releases/*.new secrets/*.new",
    )  # fmt: skip


def _unpack(incoming: str, target: str) -> StringCommand:
    """Unpack an archive in the directory beside it, which then takes the target's place."""
    return StringCommand(
        "tar -xf", QuoteString(f"{incoming}.tar"), "-C", QuoteString(incoming),
        "&& rm -rf", QuoteString(target), "&& mv", QuoteString(incoming), QuoteString(target),
        "&& rm -f", QuoteString(f"{incoming}.tar"),
    )  # fmt: skip


def _archive(release: Release) -> bytes:
    """All files of a release, its manifest included, as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in {**release.files, MANIFEST: release.manifest()}.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            entry.mtime = _modified_at(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _modified_at(content: bytes) -> int:
    """A time of modification that changes with a file's content, in seconds of Unix time.

    BuildKit takes a file of the same size and time for the one that an earlier build sent
    (earthly/earthly#2317), so with a constant time it builds old content; with the real one,
    equal files would be sent again.
    """
    return LONG_AGO + int(digest.of_bytes(content)[:7], base=16)


@operation()
def assemble(mixture: Mixture | None, detected: Detected) -> Generator[PyinfraCommand, None, None]:
    """Put a release together from two that the host keeps.

    + mixture: what comes from where; None where a whole release is gone back to
    + detected: the host
    """
    if mixture is None:
        return
    release, releases = mixture.release, f"{detected.directory}/releases"
    incoming = f"{detected.directory}/incoming-{release.id}"
    base, source = (f"{releases}/{id}/images" for id in (mixture.base, mixture.source))
    yield _sweep(detected.directory)
    yield FileUploadCommand(io.BytesIO(_archive(release)), f"{incoming}.tar")
    yield StringCommand(
        "umask 022 && rm -rf", QuoteString(incoming), "&& mkdir", QuoteString(incoming),
        "&& cp -Rp", QuoteString(base), QuoteString(f"{incoming}/images"),
    )  # fmt: skip
    for name in mixture.services:
        to = f"{incoming}/images/{name}"
        yield StringCommand(
            "rm -rf", QuoteString(to), "&& cp -Rp", QuoteString(f"{source}/{name}"), QuoteString(to)
        )
    yield _unpack(incoming, f"{releases}/{release.id}")


@operation()
def activate(
    release: Release, current: str | None, detected: Detected
) -> Generator[PyinfraCommand, None, None]:
    """Make a release the current one, in one step.

    + release: what the host now runs
    + current: the release that the host calls current
    + detected: the host

    BSD's mv needs -h and GNU's -T to replace a link to a directory instead of entering it.
    """
    if current == release.id:
        return
    link, fresh = f"{detected.directory}/current", f"{detected.directory}/current-{release.id}"
    yield StringCommand(
        "ln -sfn", QuoteString(f"releases/{release.id}"), QuoteString(fresh),
        "&& { mv -fh", QuoteString(fresh), QuoteString(link), "2>/dev/null || mv -fT",
        QuoteString(fresh), QuoteString(link), "; }",
    )  # fmt: skip
