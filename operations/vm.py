"""Docker's VM: given another size, or installed where there is none."""

from collections.abc import Generator, Sequence
from time import monotonic

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from facts.detect import read_daemon
from facts.requirements import require_daemon
from facts.runtime import Daemon as Answering
from facts.runtime import Runtime, RuntimeInfo
from facts.vm_plan import Installation, VmPlan
from link.daemon import daemon
from operations import journal
from operations.refusal import refused, step
from operations.vm_restart import SettingsFile, become, run_all, size_of
from stack.errors import DrydockError
from stack.quantities import count
from stack.vm.size import NAMES

BACK_WITHIN_S = 180
"""Containers that the daemon doesn't start again in this time are left to a deploy, seconds."""


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
    running = count(len(way.running), "container")
    host.log(f"restarting {_name(way)}: {running} stop")
    failure = become(host, way, way.size, lambda: settings.write(way.size))
    if failure is not None:
        return _go_back(host, way, settings, failure)
    answered_s = monotonic() - began
    missing = _missing(host, way.detected.runtime, way.running)
    found = read_daemon(host, way.detected.runtime)
    said = (
        f"the VM has {size_of(found)}, measured; its daemon answered after {answered_s:.1f} s,"
        f" {len(way.running) - len(missing)}/{running} ran again after"
        f" {monotonic() - began:.1f} s"
    )
    host.log_styled(said, fg="green")
    journal.end(host, "failed" if missing else "good", (said,))
    return not missing or refused(host, _not_running(missing))


def _go_back(host: Host, way: VmPlan, settings: SettingsFile, failure: str) -> bool:
    """Give the VM its former settings again; False, since it hasn't become what it should."""
    refused(host, failure)
    if _is_as_before(host, way, settings):
        refused(host, f"the VM is as before: {size_of(way.measured)}")
    else:
        host.log(f"restarting {_name(way)} with its former settings")
        again = become(host, way, way.former, settings.restore)
        if again is None:
            found = read_daemon(host, way.detected.runtime)
            untouched = settings.path and not settings.is_replaced
            what = "the settings were not changed" if untouched else "the former ones are restored"
            refused(host, f"{what}: the VM has {size_of(found)}")
        else:
            kept = f"they are in {settings.copy}" if settings.is_replaced else str(way.former)
            refused(host, f"the former settings could not be restored ({kept}): {again}")
    if missing := _missing(host, way.detected.runtime, way.running):
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
    return f"not running again: {', '.join(missing)}; `pyinfra inventory.py deploy.py` starts them"


def _missing(host: Host, runtime: Answering, wanted: Sequence[str]) -> list[str]:
    """Those containers that don't run although some time has been given to them."""

    def look() -> list[str]:
        listed = daemon(host, runtime).containers()
        names = {name.removeprefix("/") for it in listed for name in it["Names"]}
        return [name for name in wanted if name not in names]

    patiently = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(BACK_WITHIN_S),
        wait=wait_exponential(0.1, max=2),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else [],
    )
    return patiently(look)


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
