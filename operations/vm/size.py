"""Docker's VM: given another size, or installed where there is none."""

from collections.abc import Generator, Sequence
from time import monotonic

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.detect import read_daemon
from facts.requirements import require_daemon
from facts.runtime import Runtime, RuntimeInfo
from facts.vm_plan import Installation, VmPlan
from operations import journal
from operations.refusal import refused, step
from operations.vm.restart import SettingsFile, become, not_again, run_all, size_of
from stack.errors import DrydockError
from stack.model import Daemon
from stack.quantities import count
from stack.vm.size import NAMES


@operation()
def consent(way: VmPlan) -> Generator[PyinfraCommand, None, None]:
    """Refuse to stop what runs, unless the data lets it.

    + way: what is to change
    """
    if way.plan.changes and not way.settings.vm_resize:
        yield step(_refuse)


@operation()
def resize(way: VmPlan) -> Generator[PyinfraCommand, None, None]:
    """Stop the VM, change its size, start it, and measure; go back where that isn't what was said.

    + way: what is to change

    A VM that has its size stays as it is.
    """
    if way.plan.changes:
        yield step(_resize, way)


@operation()
def install(installation: Installation) -> Generator[PyinfraCommand, None, None]:
    """Install Colima through Homebrew, start it with its size, and measure.

    + installation: how
    """
    yield step(_install, installation)


def _refuse(host: Host) -> bool:
    return refused(
        host,
        "the VM's restart stops all containers for a while, and nothing says that it may; nothing"
        " was changed: --data vm_resize=true lets it",
    )


def _resize(host: Host, way: VmPlan) -> bool:
    began, settings = monotonic(), SettingsFile(host, way.vm.file)
    wanted = [name for name, again in way.running.items() if again]
    host.log(f"restarting {_name(way)}")
    found = become(host, way, way.size, lambda: settings.write(way.size))
    if isinstance(found, str):
        return _go_back(host, way, settings, found)
    answered_s = monotonic() - began
    missing = not_again(host, way.detected.runtime, way.running)
    said = (
        f"the VM has {size_of(found)}, measured; its daemon answered after {answered_s:.1f} s,"
        f" {len(wanted) - len(missing)}/{count(len(wanted), 'container')} ran again after"
        f" {monotonic() - began:.1f} s"
    )
    host.log_styled(said, fg="green")
    journal.end(host, "failed" if missing else "good", (said,))
    return not missing or refused(host, _not_running(missing))


def _go_back(host: Host, way: VmPlan, settings: SettingsFile, failure: str) -> bool:
    """Give the VM its former settings again; False, since it hasn't become what it should."""
    refused(host, failure)
    found: Daemon | str = way.measured
    what = "the VM is as before: it"
    if not _is_as_before(host, way, settings):
        host.log(f"restarting {_name(way)} with its former settings")
        found = become(host, way, way.former, settings.restore)
        untouched = settings.path and not settings.is_replaced
        what = "its settings were not changed" if untouched else "the former ones are restored"
        what += ": the VM"
    if isinstance(found, str):
        kept = f"they are in {settings.copy}" if settings.is_replaced else str(way.former)
        refused(host, f"the former settings could not be restored ({kept}): {found}")
    else:
        refused(host, f"{what} has {size_of(found)}")
        if missing := not_again(host, way.detected.runtime, way.running):
            refused(host, _not_running(missing))
    journal.end(host, "failed", (failure,))
    return False


def _is_as_before(host: Host, way: VmPlan, settings: SettingsFile) -> bool:
    """Whether a Docker Desktop is what it was; others may keep a size that they don't tell."""
    if not settings.path or settings.is_replaced:
        return False
    try:
        return read_daemon(host, way.detected.runtime) == way.measured
    except DrydockError:
        return False


def _not_running(missing: Sequence[str]) -> str:
    names = ", ".join(missing)
    return f"not running again: {names}; `pyinfra inventory.py deploy.py` starts those of the stack"


def _install(host: Host, what: Installation) -> bool:
    for words in what.commands:
        host.log(" ".join(words))
        failure = run_all(host, [words])
        if failure is not None:
            return refused(host, f"{failure}\nthe same command goes on from here")
    said = what.settings
    found: RuntimeInfo = host.get_fact(
        Runtime, docker_cli=said.docker_cli, docker_socket=said.docker_socket
    )
    try:
        answering = require_daemon(found, is_mac=True)
        has = read_daemon(host, answering)
    except DrydockError as error:
        return refused(host, str(error))
    if not what.size.is_of(has):
        return refused(host, f"the VM has {size_of(has)}, and not {what.size}")
    host.log_styled(f"Colima's VM has {size_of(has)}, measured; deploy.py comes next", fg="green")
    return True


def _name(way: VmPlan) -> str:
    return NAMES[way.detected.runtime.runtime]
