"""Errors as a person should meet them: one clear text, for this host alone, and no traceback."""

from collections.abc import Callable
from functools import wraps

from pyinfra import logger
from pyinfra.api.host import Host
from pyinfra.context import ctx_host, state

from stack.errors import DrydockError


def refused(host: Host, message: str) -> bool:
    """Say what is wrong on a host; False, as a failed command is."""
    for line in message.splitlines():
        host.log_styled(line, fg="red", log_func=logger.error)
    return False


def fails_alone(deploy: Callable[[Host], None]) -> Callable[[], None]:
    """Run a deploy for the current host; let a DrydockError fail that host, and others go on."""

    @wraps(deploy)
    def guarded() -> None:
        host: Host = ctx_host.get()  # type: ignore[no-untyped-call]
        try:
            deploy(host)
        except DrydockError as error:
            refused(host, str(error))
            state.fail_hosts({host})  # type: ignore[no-untyped-call]

    return guarded
