"""What a host is: its data, its chip, its Docker runtime and daemon."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from pyinfra.api.host import Host
from requests.exceptions import RequestException

from facts import runtime
from facts.machine import Machine, MachineInfo
from facts.requirements import require_daemon
from facts.runtime import Runtime, RuntimeInfo
from facts.together import together
from link.daemon import daemon
from stack.chips import linux_chip, parse_sysctl
from stack.daemon import daemon_of
from stack.errors import DrydockError
from stack.load import Inputs, group_origins, load_stack
from stack.model import Chip, Daemon
from stack.release.launchd import Account
from stack.settings import Settings


@dataclass(frozen=True)
class Located:
    """A host with its chip, and where its daemon and its stack are."""

    chip: Chip
    runtime: runtime.Daemon
    directory: str
    """Where the stack lives on the host: ~/.drydock/STACK, absolute."""
    docker_environment: dict[str, str]
    """What every Docker CLI command there needs in its environment."""
    account: Account | None = field(default=None, kw_only=True)
    """Whose stack it is, on a Mac; None where there is no launchd."""
    system: str = field(default="", kw_only=True)
    """The operating system with its version, as it names itself."""

    @property
    def secrets_directory(self) -> str:
        """Where the stack's secrets are, absolute."""
        return f"{self.directory}/secrets"


@dataclass(frozen=True)
class Detected(Located):
    """A host whose daemon has said what it has."""

    daemon: Daemon


def inputs_of(host: Host) -> Inputs:
    """The validated stack, map and settings of a host, from its groups, inventory and --data."""
    groups = [str(group) for group in host.groups]
    data: dict[str, Any] = host.data.dict()  # type: ignore[no-untyped-call]
    return load_stack(data, group_origins(groups, Path("group_data")))


def locate(
    host: Host, settings: Settings, stack_name: str, accept: Callable[[Chip], None]
) -> Located:
    """Ask a host for its chip and its runtime; DrydockError says what is missing.

    `accept` raises it for a chip that is not wanted, before the rest is looked at.
    """
    sockets = {"docker_cli": settings.docker_cli, "docker_socket": settings.docker_socket}
    machine: MachineInfo | None
    found: RuntimeInfo
    machine, found = together(
        lambda: host.get_fact(Machine), lambda: host.get_fact(Runtime, **sockets)
    )
    if machine is None:
        raise DrydockError("the host doesn't say what it is: is its login shell a POSIX shell?")
    chip = chip_of(machine)
    accept(chip)
    answering = require_daemon(found, is_mac=machine.kernel == "Darwin")
    directory = f"{machine.home}/.drydock/{stack_name}"
    return Located(
        chip=chip,
        runtime=answering,
        directory=directory,
        docker_environment={
            "DOCKER_HOST": f"unix://{answering.docker_socket}",
            "DOCKER_CONFIG": f"{directory}/docker",
        },
        account=_account(machine),
        system=_system(machine),
    )


def _account(machine: MachineInfo) -> Account | None:
    if machine.kernel != "Darwin" or machine.uid is None:
        return None
    return Account(machine.user, machine.uid, machine.home)


def _system(machine: MachineInfo) -> str:
    # A Mac's version is a number alone, a Linux distribution names itself with it.
    name = "macOS " if machine.kernel == "Darwin" else ""
    return f"{name}{machine.os_version}" if machine.os_version else ""


def chip_of(machine: MachineInfo) -> Chip:
    """A host's chip; DrydockError where it is of a system that isn't supported."""
    if machine.kernel == "Darwin":
        return parse_sysctl(machine.sysctl_text)
    if machine.kernel != "Linux" or not machine.cpus or not machine.memory_bytes:
        raise DrydockError(f"{machine.kernel or 'an unknown system'} is neither macOS nor Linux")
    return linux_chip(
        machine.linux_cpu_model, machine.architecture, machine.cpus, machine.memory_bytes
    )


def read_daemon(host: Host, found: runtime.Daemon) -> Daemon:
    """What the daemon has; DrydockError when it has stopped answering."""
    try:
        return daemon_of(daemon(host, found).info())
    except (DockerException, RequestException) as error:
        raise DrydockError(
            f"the daemon behind {found.docker_socket} stopped answering: {error}; start it again"
        ) from error
