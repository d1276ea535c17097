"""Errors as a person should meet them: one clear text, for this host alone, and no traceback."""

import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType

from docker.errors import DockerException
from paramiko import SSHException
from pyinfra import logger
from pyinfra.api.command import FunctionCommand
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.host import Host
from pyinfra.api.state import State
from pyinfra.context import ctx_host, state
from requests.exceptions import RequestException

from operations.heartbeat import heartbeat
from operations.interruption import end_on_interrupt
from stack.errors import DrydockError

LOST = (DockerException, RequestException, SSHException, PyinfraError, OSError, EOFError)
"""What is raised when a host or its daemon goes away in the middle."""


def refused(host: Host, message: str) -> bool:
    """Say what is wrong on a host; False, as a failed command is."""
    for line in message.splitlines():
        host.log_styled(line, fg="red", log_func=logger.error)
    return False


def step(function: Callable[..., bool], *arguments: object) -> FunctionCommand:
    """A command that runs `function(host, *arguments)` when its turn has come.

    It fails when the function says False, or when the host or its daemon is lost on the way.
    """

    def run(state: State, host: Host) -> bool:  # noqa: ARG001 - pyinfra knows them by these names
        try:
            return function(host, *arguments)
        except LOST as error:
            return refused(host, _told(error))

    return FunctionCommand(run, (), {})


def _told(error: Exception) -> str:
    # SFTP says no more of a disk without room: of paramiko both are plain OSErrors.
    if type(error) is OSError and str(error).startswith(("size mismatch in put", "Failure")):
        return f"a file can't be written on the host, is its disk full? {error}"
    return f"the host or its daemon was lost: {type(error).__name__} {error}"


def fails_alone(deploy: Callable[[Host], None]) -> Callable[[], None]:
    """Run a deploy for the current host; let a DrydockError fail that host, and others go on."""

    _name_its_module(deploy.__code__.co_filename)

    @wraps(deploy)
    def guarded() -> None:
        host: Host = ctx_host.get()  # type: ignore[no-untyped-call]
        end_on_interrupt()
        try:
            with heartbeat().doing(host, "Look at the host"):
                deploy(host)
        except DrydockError as error:
            refused(host, str(error))
            state.fail_hosts({host})  # type: ignore[no-untyped-call]

    return guarded


def _name_its_module(file: str) -> None:
    """Make a deploy's file that of a module; pyinfra executes it as that of none.

    pyinfra asks `inspect` for the line of each operation, which goes through all modules for each
    frame whose file it doesn't find: a third of the CPU time that one more host takes.
    """
    module = ModuleType(f"a deploy: {file}")
    module.__file__ = file
    sys.modules.setdefault(module.__name__, module)
