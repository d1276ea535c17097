"""A backup brought back to a host: its secrets, and each service's data."""

import tarfile
from collections.abc import Generator

from pyinfra.api.command import PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.backup_plan import backups_of
from facts.restore_plan import RestorePlan
from link import files
from operations.containers import create
from operations.docker_cli import compose, docker, run
from operations.health import ServiceFailedError
from operations.placed import close, place
from operations.progress import Progress
from operations.refusal import refused, step
from stack.backup import Backup
from stack.model import PHASES
from stack.release.archive import DATA


@operation()
def clear(what: RestorePlan) -> Generator[PyinfraCommand, None, None]:
    """Remove volumes that are in the way; the data said that theirs may go.

    + what: the host as it is
    """
    for volume in what.plan.changes.subjects("clear"):
        yield docker(what.plan.detected, "volume", "rm", volume)


@operation()
def secrets(what: RestorePlan) -> Generator[PyinfraCommand, None, None]:
    """Put the backup's secrets where services read them.

    + what: the backup
    """
    if what.archive.secrets:
        yield step(_secrets, what)


@operation()
def before_start(what: RestorePlan) -> Generator[PyinfraCommand, None, None]:
    """Create all containers, and bring back the data that services find when they start.

    + what: the backup
    """
    yield step(_before_start, what)


@operation()
def while_running(what: RestorePlan) -> Generator[PyinfraCommand, None, None]:
    """Bring back the data that services take while they run, before anybody else uses them.

    + what: the backup
    """
    if _services(what, "running"):
        yield step(_while_running, what)


def _services(what: RestorePlan, load_while: str) -> dict[str, Backup]:
    """Those with data in the backup that is brought back so, in the order of their phases."""
    services = what.plan.release.stack.services
    found = {
        n: it for n, it in backups_of(what.plan.release).items() if it.load_while == load_while
    }
    ordered = sorted(found, key=lambda name: PHASES.index(services[name].phase))
    return {n: found[n] for n in ordered if n in what.archive.manifest.services}


def _secrets(host: Host, what: RestorePlan) -> bool:
    directory = what.plan.detected.secrets_directory
    try:
        close(host, directory)
        for name in sorted(what.plan.release.secrets()):
            place(host, f"{directory}/{name}", what.archive.secrets[name].encode(), "0444")
    except ServiceFailedError as failure:
        return refused(host, str(failure))
    return True


def _before_start(host: Host, what: RestorePlan) -> bool:
    release, detected = what.plan.release, what.plan.detected
    try:
        create(host, release, detected, tuple(release.containers), "--no-recreate")
    except ServiceFailedError as failure:
        return refused(host, str(failure))

    def command(service: str, words: tuple[str, ...]) -> StringCommand:
        directory = f"{detected.directory}/releases/{release.id}"
        return compose(
            detected, directory, release.compose_file,
            "run", "--rm", "--no-deps", "--no-TTY", "--entrypoint", words[0], service, *words[1:],
        )  # fmt: skip

    loads = {n: command(n, it.load) for n, it in _services(what, "stopped").items()}
    return _load(host, what, loads)


def _while_running(host: Host, what: RestorePlan) -> bool:
    name = what.plan.release.stack.container_name
    loads = {
        service: docker(what.plan.detected, "exec", "-i", name(service), *it.load)
        for service, it in _services(what, "running").items()
    }
    return _load(host, what, loads)


def _load(host: Host, what: RestorePlan, loads: dict[str, StringCommand]) -> bool:
    """Send each service's data to the host, and let it read that; nothing is held in memory."""
    incoming = f"{what.plan.detected.directory}/incoming-data"
    with (
        tarfile.open(what.archive.path, "r:") as archive,
        Progress(host, "load", len(loads)).told() as progress,
    ):
        for service, command in loads.items():
            progress.begin(service)
            content = archive.extractfile(f"{DATA}/{service}")
            if content is None:
                return refused(host, f"{service}: its data is gone from the backup meanwhile")
            files.send(host, content, incoming)
            reading = StringCommand(
                command, "<", QuoteString(incoming), "; status=$?; rm -f",
                QuoteString(incoming), "; exit $status",
            )  # fmt: skip
            try:
                run(host, reading, f"{service}: its data can't be brought back", lines=20)
            except ServiceFailedError as failure:
                return refused(host, str(failure))
            progress.end(service, "brought back")
    return True
