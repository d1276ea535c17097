"""A backup of a stack: written on its host, read back there, and fetched on request."""

import io
from collections.abc import Generator
from pathlib import Path
from time import monotonic

from pyinfra.api.command import PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.backup_plan import BackupPlan, backups_of
from facts.release import digest_line
from link import files
from operations.docker_cli import docker, run
from operations.health import ServiceFailedError
from operations.operator import operator
from operations.refusal import refused, step
from operations.timing import now
from stack.errors import DrydockError
from stack.quantities import show_memory
from stack.release import digest
from stack.release.archive import (
    DATA,
    EARLIER,
    MANIFEST,
    RELEASE,
    SEALED,
    Manifest,
    open_archive,
    seal_secrets,
)

HASH = "if command -v sha256sum >/dev/null; then {gnu}; else {bsd}; fi"
HASH_INPUT = HASH.format(gnu="sha256sum", bsd="shasum -a 256")
HASH_FILES = HASH.format(
    gnu="find . -type f -exec sha256sum {} +", bsd="find . -type f -exec shasum -a 256 {} +"
)


@operation()
def backup(what: BackupPlan) -> Generator[PyinfraCommand, None, None]:
    """Save each service's data while all runs, with the release and its secrets, in one archive.

    + what: the release, whose data, under which name

    It counts as made only when it was read back from the disk: each file by its digest, each
    service's data by the service's own `check`. Until then it is called so that nobody takes it
    for one; what a run that was cut off left goes with the next.
    """
    if what.plan.changes:
        yield step(_backup, what)


@operation()
def fetch(what: BackupPlan) -> Generator[PyinfraCommand, None, None]:
    """Copy the archive to this machine, and read it there once more with the key.

    + what: the archive's name, and the folder, if one is said
    """
    if what.plan.settings.to is not None:
        yield step(_fetch, what, what.plan.settings.to)


def _directory(what: BackupPlan) -> str:
    return f"{what.plan.detected.directory}/backups"


def _backup(host: Host, what: BackupPlan) -> bool:
    directory = _directory(what)
    part, fresh = f"{directory}/{what.name}.part", f"{directory}/{what.name}.new"
    try:
        _run(
            host, "the folder of backups can't be made",
            "umask 077 && mkdir -p", QuoteString(directory), "&& [ ! -h", QuoteString(directory),
            "] && cd", QuoteString(directory),
            "&& rm -rf *.part *.new && mkdir -p",
            QuoteString(f"{part}/{DATA}"), QuoteString(f"{part}/{EARLIER}"),
        )  # fmt: skip
        for service in backups_of(what.plan.release):
            _save(host, what, service, part)
        manifest = _describe(host, what, part)
        sealed = _seal(host, what, manifest, part)
        _run(
            host, "the archive can't be written",
            "umask 077 && COPYFILE_DISABLE=1 tar -cf", QuoteString(fresh), "-C", QuoteString(part),
            MANIFEST, SEALED, RELEASE, EARLIER, DATA, "&& rm -rf", QuoteString(part),
        )  # fmt: skip
        _read_back(host, what, manifest, sealed, fresh)
        done = f"{directory}/{what.name}"
        # When it was is for the monitor, which has no other way to learn it.
        stamp = QuoteString(f"{what.plan.detected.directory}/backed_up")
        _run(
            host, "the archive can't be named", "mv", QuoteString(fresh), QuoteString(done),
            "&& date +%s >", stamp,
        )  # fmt: skip
        size = _run(host, "its size can't be read", "wc -c <", QuoteString(done))
    except ServiceFailedError as failure:
        _clean(host, part, fresh, f"{fresh}.part")
        return refused(host, f"{failure}\nno backup was made; what runs was not touched")
    host.log(f"backup {done}, {show_memory(int(size[-1]))}, read back whole")
    return True


def _save(host: Host, what: BackupPlan, service: str, part: str) -> None:
    began, path = monotonic(), f"{part}/{DATA}/{service}"
    size = _run(
        host, f"{service}: its data can't be saved",
        "umask 077 &&", _exec(what, service, backups_of(what.plan.release)[service].save),
        "</dev/null",
        ">", QuoteString(path), "&& wc -c <", QuoteString(path),
    )  # fmt: skip
    host.log(f"{service}: {show_memory(int(size[-1]))} saved in {monotonic() - began:.1f} s")


def _describe(host: Host, what: BackupPlan, part: str) -> Manifest:
    """Put the releases beside the data, and write down what each file is."""
    plan = what.plan
    earlier = tuple(it.id for it in what.earlier)
    places = {plan.release.id: RELEASE, **{it: f"{EARLIER}/{it}" for it in earlier}}
    for release, place in places.items():
        source, copy = f"{plan.detected.directory}/releases/{release}", f"{part}/{place}"
        _run(
            host, f"release {release} can't be copied",
            "cp -Rp", QuoteString(source), QuoteString(copy), "&& cp -p",
            QuoteString(f"{source}.json"), QuoteString(f"{copy}/record.json"),
        )  # fmt: skip
    said = _run(host, "the parts can't be read", "cd", QuoteString(part), f"&& {HASH_FILES}")
    return Manifest(
        stack=plan.release.stack.name,
        release=plan.release.id,
        earlier=earlier,
        architecture=plan.detected.daemon.architecture,
        made_at=now(),
        who=operator(),
        services=tuple(backups_of(plan.release)),
        files=dict(sorted(digest_line(line) for line in said)),
    )


def _seal(host: Host, what: BackupPlan, manifest: Manifest, part: str) -> bytes:
    """Encrypt the secrets here, where the key is; they are on no disk of this machine."""
    directory = what.plan.detected.secrets_directory
    secrets = {name: files.read(host, f"{directory}/{name}").decode() for name in what.secrets}
    sealed = seal_secrets(what.key, secrets, manifest)
    files.send(host, io.BytesIO(manifest.written()), f"{part}/{MANIFEST}")
    files.send(host, io.BytesIO(sealed), f"{part}/{SEALED}")
    return sealed


def _read_back(
    host: Host, what: BackupPlan, manifest: Manifest, sealed: bytes, archive: str
) -> None:
    """Read the archive from the disk to its end, and fail unless each part is as it was made."""
    back = f"{archive}.part"
    said = _run(
        host, "the archive can't be read back",
        "umask 077 && mkdir", QuoteString(back), "&& cd", QuoteString(back), "&& tar -xf",
        QuoteString(archive), MANIFEST, SEALED, RELEASE, EARLIER, f"&& {HASH_FILES}", "&& rm -rf",
        QuoteString(back),
    )  # fmt: skip
    found = dict(digest_line(line) for line in said)
    for service in manifest.services:
        path = f"{DATA}/{service}"
        said = _run(
            host, f"{path} can't be read back",
            "tar -xOf", QuoteString(archive), QuoteString(path), f"| {{ {HASH_INPUT}; }}",
        )  # fmt: skip
        found[path] = digest_line(said[0])[1]
    written = {MANIFEST: digest.of_bytes(manifest.written()), SEALED: digest.of_bytes(sealed)}
    if other := sorted(dict(found.items() ^ {**manifest.files, **written}.items())):
        raise ServiceFailedError(f"{other[0]} isn't in the archive as it was saved")
    for service, it in backups_of(what.plan.release).items():
        _run(
            host, f"{service}: what was saved is not whole, as its own check says",
            "tar -xOf", QuoteString(archive), QuoteString(f"{DATA}/{service}"), "|",
            _exec(what, service, it.check), ">/dev/null",
        )  # fmt: skip
        host.log(f"{service}: read back by {it.check[0]}")


def _fetch(host: Host, what: BackupPlan, folder: str) -> bool:
    target = Path(folder).expanduser() / what.name
    part = target.with_name(f"{target.name}.part")
    try:
        part.touch(mode=0o600)
        with part.open("wb") as opened:
            files.fetch(host, f"{_directory(what)}/{what.name}", opened)
        open_archive(str(part), what.key)
    except DrydockError as error:
        part.unlink(missing_ok=True)
        return refused(host, f"{error}; the backup on the host was whole")
    part.replace(target)
    host.log(f"fetched to {target}, and read there with the key")
    return True


def _exec(what: BackupPlan, service: str, words: tuple[str, ...]) -> StringCommand:
    container = what.plan.release.stack.container_name(service)
    return docker(what.plan.detected, "exec", "-i", container, *words)


def _run(host: Host, failure: str, *parts: str | StringCommand | QuoteString) -> list[str]:
    return run(host, StringCommand(*parts), failure, lines=10)


def _clean(host: Host, *paths: str) -> None:
    command = StringCommand("rm -rf", *(QuoteString(path) for path in paths))
    host.run_shell_command(command, print_output=False, print_input=False)
