"""What a host's VM is to become, or by which commands it gets one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyinfra.api.host import Host

from facts.detect import Detected, chip_of, inputs_of
from facts.machine import Machine
from facts.plan import HostPlan, plan_host
from facts.requirements import refuse_chip, require_daemon
from facts.runtime import Daemon as Answering
from facts.runtime import Runtime, RuntimeInfo
from facts.vm import Vm, VmInfo
from link import files
from link.daemon import daemon
from stack.changes.change import Change, Changes
from stack.errors import DrydockError
from stack.load import Inputs
from stack.model import Chip, Daemon
from stack.settings import Settings
from stack.vm.commands import FORMULAE, Words, install_of
from stack.vm.docker_desktop import size_in
from stack.vm.size import Size, changes_to, largest_daemon, refuse_size, wished

GUARDED = (
    "start Docker Desktop once; where macOS 15 or later guards its folder, let remote users have"
    " full disk access (System Settings, General, Sharing, Remote Login)"
)
STARTED_AGAIN = ("always", "unless-stopped")
"""Restart policies by which a daemon that is started starts what ran before."""


@dataclass(frozen=True)
class VmPlan:
    """A VM as it is, as it should be, and what a deploy would do once it is."""

    size: Size
    former: Size
    """What its runtime keeps of both."""
    measured: Daemon
    vm: VmInfo
    plan: HostPlan
    """Its changes are those of the VM, its daemon has the size that is wished."""
    afterwards: Changes
    """What the next deploy changes."""
    running: Mapping[str, bool]
    """Containers that run now, whoever made them → whether the daemon starts them by itself."""

    @property
    def detected(self) -> Detected:
        """The host."""
        return self.plan.detected

    @property
    def settings(self) -> Settings:
        """What is said of it."""
        return self.plan.settings


@dataclass(frozen=True)
class Installation:
    """How a Mac without Docker gets Colima."""

    commands: tuple[Words, ...]
    size: Size
    changes: Changes
    settings: Settings


def plan_vm(host: Host) -> VmPlan:
    """Compare a host's VM with its data; nothing on the host changes.

    DrydockError where the size can't be, can't be read, or the stack doesn't fit into it.
    """
    inputs = inputs_of(host)
    size = wished(inputs.settings)
    if not size:
        raise DrydockError(
            "nothing is said of the VM: set vm_cpus or vm_memory in the host's data, such as"
            " --data vm_cpus=8 --data 'vm_memory=16 GiB'"
        )
    measured: list[Daemon] = []

    def resized(detected: Detected) -> Detected:
        refuse_size(size, detected.chip, detected.runtime.runtime)
        measured.append(detected.daemon)
        return replace(detected, daemon=size.expected_of(detected.daemon))

    plan = plan_host(host, resized)
    found = plan.detected.runtime
    vm = host.get_fact(
        Vm,
        runtime=found.runtime,
        docker_cli=found.docker_cli,
        docker_socket=found.docker_socket,
    )
    former = size_kept(host, found.runtime, found.docker_socket, vm)
    running = running_on(host, found)
    changes = Changes(tuple(changes_to(size, former, measured[0], found.runtime, len(running))))
    resizing = replace(plan, changes=changes)
    return VmPlan(size, former, measured[0], vm, resizing, plan.changes, running)


def running_on(host: Host, runtime: Answering) -> dict[str, bool]:
    """Containers that run, and whether the daemon starts each again when it is restarted."""
    api = daemon(host, runtime)
    found = (api.inspect_container(it["Id"]) for it in api.containers())
    return {
        it["Name"].removeprefix("/"): it["HostConfig"]["RestartPolicy"]["Name"] in STARTED_AGAIN
        for it in found
    }


def size_kept(host: Host, runtime: str, socket: str, vm: VmInfo) -> Size:
    """What a runtime keeps of its VM's size; DrydockError where that can't be read or changed."""
    if runtime == "docker-desktop":
        if vm.is_link:
            raise DrydockError(
                f"{vm.file} is a link, and would no longer be one: put the file there"
            )
        try:
            return size_in(settings_text(host, vm.file))
        except ValueError as error:
            raise DrydockError(
                f"{vm.file} is no settings file of Docker Desktop: {error}; nothing was changed:"
                " look at it, or set the size in Docker Desktop by hand"
            ) from error
    if not vm.program:
        raise DrydockError(f"the command of {runtime} is not found on this host: install it")
    return vm.size_of_colima(socket) if runtime == "colima" else vm.size_of_orbstack


def settings_text(host: Host, file: str) -> str:
    """Docker Desktop's settings, or a copy of them; ValueError where they are no text."""
    try:
        return files.read(host, file).decode()
    except OSError as error:
        raise DrydockError(f"{file} can't be read: {error.strerror or error}; {GUARDED}") from error


def plan_installation(host: Host) -> Installation | None:
    """How the host gets Docker, if its data lets it and it has none; None otherwise.

    DrydockError where that can't be: no Mac, no Homebrew, or no size.
    """
    inputs = inputs_of(host)
    settings = inputs.settings
    if not settings.ensure_docker:
        return None
    sockets = {"docker_cli": settings.docker_cli, "docker_socket": settings.docker_socket}
    found: RuntimeInfo = host.get_fact(Runtime, **sockets)
    if found.daemon is not None:
        return None
    machine = host.get_fact(Machine)
    is_mac = machine is not None and machine.kernel == "Darwin"
    others = [it for it in found.installed if it.startswith("/Applications/")]
    if others or any(it.runtime != "colima" for it in found.attempts):
        # It has one already: that it doesn't answer is said as a deploy says it.
        require_daemon(found, is_mac=is_mac)
    if machine is None or not is_mac:
        raise DrydockError("ensure_docker is for Macs: install Docker's own packages on this host")
    return _by_homebrew(host, inputs, chip_of(machine))


def _by_homebrew(host: Host, inputs: Inputs, chip: Chip) -> Installation:
    settings = inputs.settings
    size, most = wished(settings), largest_daemon(chip)
    refuse_chip(inputs, chip)
    if size.cpus is None or size.memory_bytes is None:
        raise DrydockError(
            f"ensure_docker: say vm_cpus and vm_memory, too; {chip.name} can give its VM"
            f" {Size(most.cpus, most.memory_bytes)} at most"
        )
    refuse_size(size, chip, "colima")
    vm = host.get_fact(Vm, runtime="none")
    if not vm.program:
        raise DrydockError(
            "ensure_docker: no Homebrew on this host (/opt/homebrew/bin/brew): install it as"
            " brew.sh says, or install a Docker runtime by hand"
        )
    what = Change(
        "install", "Docker", f"Colima with {size}", reason=f"brew install {' '.join(FORMULAE)}"
    )
    return Installation(install_of(vm.program, size), size, Changes((what,)), settings)
