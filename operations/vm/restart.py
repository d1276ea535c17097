"""One restart of Docker's VM, with other settings than before."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.host import Host
from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
)

from facts.detect import read_daemon
from facts.runtime import Daemon as Answering
from facts.vm_plan import VmPlan, settings_text
from link import files
from link.daemon import close, daemon
from stack.errors import DrydockError
from stack.model import Daemon
from stack.vm.commands import Words, commands_of
from stack.vm.docker_desktop import with_size
from stack.vm.size import Size

ANSWERS_WITHIN_S = 300
BACK_WITHIN_S = 180
"""Containers that the daemon doesn't start again in this time are left to a deploy, seconds."""
LINES = 5
# The new text goes into a copy, which has the owner and the mode of the file that it replaces.
REPLACE = """\
cmp -s "$1" "$1.drydock-former" || {
    rm "$1.drydock-sent"
    echo 'it was changed meanwhile'
    exit 1
}
cp -p "$1" "$1.drydock-new" && cat "$1.drydock-sent" >"$1.drydock-new" &&
    mv "$1.drydock-new" "$1" && rm "$1.drydock-sent"
"""
RESTORE = 'cp -p "$1.drydock-former" "$1.drydock-new" && mv "$1.drydock-new" "$1"'


def become(host: Host, way: VmPlan, size: Size, write: Callable[[], str | None]) -> Daemon | str:
    """Stop the VM, write its settings, start it, measure: what it has now, or what failed."""
    runtime = way.detected.runtime
    commands = commands_of(runtime.runtime, way.vm.program, runtime.docker_socket, size)
    failure = run_all(host, (*commands.set, *commands.stop))
    if failure is None and way.vm.file:
        failure = write()
    # What was stopped is started, whatever failed before.
    failure = "\n".join(filter(None, (failure, run_all(host, commands.start))))
    if failure:
        return failure
    found = answering(host, runtime)
    if found is None:
        return f"the daemon doesn't answer within {ANSWERS_WITHIN_S} s of the VM's start"
    if not size.is_of(found):
        return f"the VM has {size_of(found)} after its restart, and not {size}"
    return found


class SettingsFile:
    """Docker Desktop's settings on a host."""

    def __init__(self, host: Host, path: str) -> None:
        self._host, self.path = host, path
        self.copy = f"{path}.drydock-former"
        """As they were before they were replaced."""
        self.is_replaced = False

    def write(self, size: Size) -> str | None:
        """Replace them in one step, with a copy beside; what failed, or None."""
        failure = run_all(self._host, [("cp", "-p", self.path, self.copy)])
        if failure is not None:
            return failure
        try:
            new = with_size(settings_text(self._host, self.copy), size, self.path)
        except (DrydockError, ValueError) as error:
            return f"{self.path}: {error}"
        files.send(self._host, io.BytesIO(new.encode()), f"{self.path}.drydock-sent")
        failure = run_all(self._host, [("sh", "-c", REPLACE, "in", self.path)])
        self.is_replaced = failure is None
        return failure

    def restore(self) -> str | None:
        """Put the copy back where they were replaced; what failed, or None."""
        if not self.is_replaced:
            return None
        return run_all(self._host, [("sh", "-c", RESTORE, "in", self.path)])


def run_all(host: Host, commands: Iterable[Words]) -> str | None:
    """Run commands up to the first that fails; what it said last, or None."""
    for words in commands:
        line = StringCommand(*(QuoteString(word) for word in words))
        succeeded, output = host.run_shell_command(line, print_output=False, print_input=False)
        if not succeeded:
            said = "\n".join(output.output_lines[-LINES:])
            # Of a script its parameters tell enough.
            named = words if words[0] != "sh" else words[4:]
            return ": ".join(filter(None, (" ".join(named), said or "failed without a word")))
    return None


def answering(host: Host, runtime: Answering) -> Daemon | None:
    """What the daemon has, as soon as it answers; None when it doesn't in time."""

    def look() -> Daemon:
        # Connections to the daemon that was stopped are of no use.
        close(host)
        return read_daemon(host, runtime)

    patiently = Retrying(
        retry=retry_if_exception_type(DrydockError),
        stop=stop_after_delay(ANSWERS_WITHIN_S),
        wait=wait_exponential(0.1, max=2),
        retry_error_callback=lambda _: None,
    )
    return cast(Daemon | None, patiently(look))


def not_again(host: Host, runtime: Answering, running: Mapping[str, bool]) -> list[str]:
    """Containers that the daemon has not started again although some time has been given to it.

    + running: containers that ran before → whether the daemon starts them by itself
    """
    api = daemon(host, runtime)

    def look() -> list[str]:
        names = {name.removeprefix("/") for it in api.containers() for name in it["Names"]}
        return [name for name, again in running.items() if again and name not in names]

    patiently = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(BACK_WITHIN_S),
        wait=wait_exponential(0.1, max=2),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else [],
    )
    return patiently(look)


def size_of(found: Daemon) -> Size:
    """A daemon's CPUs and memory."""
    return Size(found.cpus, found.memory_bytes)
