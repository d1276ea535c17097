"""The bill of materials of a release, kept beside it on the host."""

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

from gevent.pool import Pool
from pyinfra.api.command import PyinfraCommand, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.files import TextFiles
from facts.plan import HostPlan
from operations.docker_cli import docker, run
from operations.health import ServiceFailedError
from operations.placed import place
from operations.refusal import refused, step
from stack.release.sbom import bill, locks_of, packages_of, seen_before

AT_ONCE = 2
"""Of sshd's ten sessions a connection the daemon has four, the lock one and file transfer one, and
one that has just ended still counts."""
SCRIPT = Path(__file__).parents[1].joinpath("facts/packages.sh").read_text()
# Docker's own exit statuses where a command can't be run: an image without a shell has no package
# manager either. All else is a failure, and no proof that there is nothing.
NO_SHELL = "|| case $? in 126 | 127) ;; *) exit 1 ;; esac"


@operation()
def record(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Write down which packages each image of a release has, as CycloneDX.

    + plan: the release that now runs

    Packages are read in the running containers, so they are what runs; an image that the former
    release had is not read again, and a release that has its bill keeps it.
    """
    if plan.changes and not (plan.current.id == plan.release.id and plan.current.bill):
        yield step(_record, plan)


def path_of(directory: str, release_id: str) -> str:
    """Where a release's bill of materials is, beside its folder."""
    return f"{directory}/releases/{release_id}.cdx.json"


def _record(host: Host, plan: HostPlan) -> bool:
    release, directory = plan.release, plan.detected.directory
    folder, target = f"{directory}/releases/{release.id}", path_of(directory, release.id)
    former, locks = path_of(directory, plan.current.id or "none"), locks_of(release)
    paths = [target, former, *(f"{folder}/{path}" for path in locks)]
    texts = host.get_fact(TextFiles, paths=list(dict.fromkeys(paths)))
    digests = {release.images[name].digest: name for name in release.containers}
    if digests.keys() <= seen_before(texts.get(target, "")).keys():
        return True
    known = seen_before(texts.get(former, ""))
    fresh = {digest: name for digest, name in digests.items() if digest not in known}

    read = Pool(AT_ONCE).map(lambda it: (it[0], _read(host, plan, it[1])), fresh.items())
    if any(packages is None for _, packages in read):
        return False
    seen = {**known, **{digest: packages or [] for digest, packages in read}}
    if empty := [name for digest, name in fresh.items() if not seen[digest]]:
        host.log(f"no packages seen in {', '.join(empty)}: an image without a package manager")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept: dict[str, dict[str, bytes]] = {}
    for path, name in locks.items():
        kept.setdefault(name, {})[path] = texts.get(f"{folder}/{path}", "{}").encode()
    try:
        place(host, target, bill(release, seen, now, kept).encode())
    except ServiceFailedError as failure:
        return refused(host, str(failure))
    return True


def _read(host: Host, plan: HostPlan, service: str) -> list[dict[str, str]] | None:
    """The packages in a service's container; None when that failed, which is told."""
    # By the CLI: the SDK's exec waits for a real socket, which an SSH channel is not.
    container = plan.release.stack.container_name(service)
    command = StringCommand(docker(plan.detected, "exec", container, "sh", "-c", SCRIPT), NO_SHELL)
    try:
        lines = run(host, command, f"the packages of {service} can't be read:", lines=5)
    except ServiceFailedError as failure:
        refused(host, f"no bill of materials was written, the same command does: {failure}")
        return None
    return [it.as_json() for it in packages_of(lines)]
