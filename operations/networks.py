"""Networks of a stack; Compose makes those that it uses."""

from collections.abc import Generator

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.operation import operation

from facts.detect import Detected
from operations.docker_cli import docker
from stack.changes.change import Changes


@operation()
def clean(changes: Changes, detected: Detected) -> Generator[PyinfraCommand, None, None]:
    """Remove networks of the stack that nothing is on any more.

    + changes: what differs
    + detected: the host
    """
    for name in changes.subjects("clean"):
        yield docker(detected, "network", "rm", name)
