"""Docker CLI commands for a host: absolute paths, our own configuration, every value quoted."""

from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.host import Host

from facts.detect import Detected
from operations.health import ServiceFailedError


def docker(detected: Detected, *arguments: str, **environment: str) -> StringCommand:
    """A `docker` command line.

    Its DOCKER_CONFIG is our own, since a Mac's credential store fails over SSH with "User
    interaction is not allowed" (docker-credential-helpers#82).
    """
    variables = {**detected.docker_environment, **environment}
    return StringCommand(
        "env",
        *(QuoteString(f"{key}={value}") for key, value in variables.items()),
        QuoteString(detected.runtime.docker_cli),
        *(QuoteString(argument) for argument in arguments),
    )


def compose(
    detected: Detected, release_directory: str, file: str, *arguments: str
) -> StringCommand:
    """A `docker compose` command line for a release on the host."""
    path = f"{release_directory}/{file}"
    return docker(detected, "compose", "--progress", "plain", "--file", path, *arguments)


def run(host: Host, command: StringCommand, failure: str, lines: int) -> list[str]:
    """Run a command quietly: what it prints, or ServiceFailedError with its last so many lines."""
    succeeded, output = host.run_shell_command(command, print_output=False, print_input=False)
    if not succeeded:
        said = "\n".join(output.output_lines[-lines:])
        raise ServiceFailedError(f"{failure}\n{said}")
    return list(output.stdout_lines)
