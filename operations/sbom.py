"""The bill of materials of a release, kept beside it on the host."""

import io
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

from gevent.pool import Pool
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.files import TextFiles
from facts.plan import HostPlan
from operations.docker_cli import docker
from operations.refusal import refused, step
from stack.release.sbom import bill, packages_of, seen_before

AT_ONCE = 2
"""Of sshd's ten sessions a connection the daemon has four, the lock one and file transfer one, and
one that has just ended still counts."""
SCRIPT = Path(__file__).parents[1].joinpath("facts/packages.sh").read_text()


@operation()
def record(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Write down which packages each image of a release has, as CycloneDX.

    + plan: the release that now runs

    Packages are read in the running containers, so they are what runs; an image that the former
    release had is not read again.
    """
    if plan.changes and plan.current.id != plan.release.id:
        yield step(_record, plan)


def path_of(directory: str, release_id: str) -> str:
    """Where a release's bill of materials is, beside its folder."""
    return f"{directory}/releases/{release_id}.cdx.json"


def _record(host: Host, plan: HostPlan) -> bool:
    release, directory = plan.release, plan.detected.directory
    former = path_of(directory, plan.current.id or "none")
    known = seen_before(host.get_fact(TextFiles, paths=[former]).get(former, ""))
    fresh = {
        release.images[name].digest: release.stack.container_name(name)
        for name in release.containers
        if release.images[name].digest not in known
    }

    def read(item: tuple[str, str]) -> tuple[str, list[dict[str, str]]]:
        digest, container = item
        # By the CLI: the SDK's exec waits for a real socket, which an SSH channel is not.
        command = docker(plan.detected, "exec", container, "sh", "-c", SCRIPT)
        _, output = host.run_shell_command(command, print_output=False, print_input=False)
        return digest, [it.as_json() for it in packages_of(output.stdout_lines)]

    seen = {**known, **dict(Pool(AT_ONCE).map(read, fresh.items()))}
    if empty := [name for digest, name in fresh.items() if not seen[digest]]:
        host.log(f"no packages seen in {', '.join(empty)}: an image without a package manager")
    text = bill(release, seen, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    target = path_of(directory, release.id)
    if not host.put_file(io.BytesIO(text.encode()), target):
        return refused(host, f"{target} can't be written")
    return True
