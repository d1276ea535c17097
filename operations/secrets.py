"""Secrets on a host: generated there, changed there while everything runs, never anywhere else."""

from collections.abc import Generator, Iterable

from pyinfra.api.command import PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation

from facts.detect import Detected
from operations import journal
from operations.docker_cli import docker
from operations.refusal import refused, step
from operations.timing import since_begin_s
from stack.changes.rotation import Rotation

LENGTH = 40
"""Letters and digits of a secret: 238 bits."""
SEEN_WITHIN_S = 20
"""How long a container may take to see a changed file: Docker Desktop shares it over a network."""


def generate(path: str) -> StringCommand:
    """Generate a secret where there is none; nothing but a backup takes it from the host.

    The directory is closed to other users. The file itself is readable to whoever may enter, since
    a bind mount keeps its mode and the container's user is not the owner.
    """
    return StringCommand(
        "test -s",
        QuoteString(path),
        f"|| {{ LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c {LENGTH} >",
        QuoteString(f"{path}.new"),
        "&& chmod 0444",
        QuoteString(f"{path}.new"),
        "&& mv",
        QuoteString(f"{path}.new"),
        QuoteString(path),
        "; }",
    )


def take(source: str, target: str) -> StringCommand:
    """Make a file the value of a secret; what is there is written over, and containers see it.

    A mount is tied to the file, so another one under its name would not be seen.
    """
    new, path = QuoteString(source), QuoteString(target)
    return StringCommand(
        "if [ -f", path, "]; then chmod u+w", path, "&& cat", new, ">", path, "&& rm -f", new,
        "; else mv", new, path, "; fi && chmod 0444", path,
    )  # fmt: skip


@operation()
def rotate(
    rotations: Iterable[Rotation], detected: Detected
) -> Generator[PyinfraCommand, None, None]:
    """Give secrets new values while everything runs.

    + rotations: the secrets, and what their services do
    + detected: the host

    The new value is made on the host, accepted by the services that judge by it, written into the
    file that all read, and only when every container sees it is the old one shut out. A run that
    broke off is taken up by the next with the same new value.
    """
    done = False
    for rotation in rotations:
        yield step(_rotate, rotation, detected)
        done = True
    if done:
        yield step(_note)


def _note(host: Host) -> bool:
    return journal.end(host, "good")


def _rotate(host: Host, rotation: Rotation, detected: Detected) -> bool:
    begun_s = since_begin_s()
    path = f"{detected.secrets_directory}/{rotation.secret}"
    fresh = QuoteString(f"{path}.next")

    def told(word: str) -> list[StringCommand]:
        return [
            StringCommand(docker(detected, "exec", "-i", container, *command, word), "<", fresh)
            for container, command in rotation.judges.items()
        ]

    # At once, in one command: a service that holds one password alone refuses until the file says
    # the same. The file stays the same one, which a container's mount is tied to, and is written
    # over without being empty in between.
    parts = [*told("accept"), _write(f"{path}.next", path)]
    change = StringCommand(*_joined(parts))
    steps = {
        "it or its new value is a link, which leads elsewhere; nothing was changed": [
            StringCommand("[ ! -h", QuoteString(path), "] && [ ! -h", fresh, "]")
        ],
        "its value was made by hand and is longer than a new one; nothing was changed": [
            StringCommand('[ "$(wc -c <', QuoteString(path), f')" -le {LENGTH} ]')
        ],
        "no new value could be made; nothing was changed": [generate(f"{path}.next")],
        "the new value wasn't accepted": [change],
        "a container doesn't see the new value; the old one still holds too": [
            _until_seen(detected, container, rotation.secret, f"{path}.next")
            for container in rotation.readers
        ],
        # At once, too: a copy that stayed would be taken for a rotation that is to be gone on with.
        "the old value couldn't be shut out": [
            StringCommand(*_joined([*told("settle"), StringCommand("rm -f", fresh)]))
        ],
    }
    same = StringCommand("cmp -s", fresh, QuoteString(path))
    goes_on = host.run_shell_command(same, print_output=False)[0]
    for failure, commands in steps.items():
        for command in commands:
            succeeded, output = host.run_shell_command(command, print_output=False)
            if not succeeded:
                said = "\n".join(output.output_lines[-5:])
                journal.end(host, "failed", (f"{rotation.secret}: {failure}",))
                return refused(
                    host,
                    f"{rotation.secret}: {failure}: {said}\nthe same command goes on from here",
                )
    seen = f"{len(rotation.readers)} containers have seen it"
    if goes_on:
        # It may be long ago: then this value isn't new.
        host.log(
            f"{rotation.secret}: a rotation that had been broken off is ended, {seen};"
            " for another value run the same command again"
        )
    else:
        host.log(f"{rotation.secret}: rotated; {seen}")
    took_s = since_begin_s() - begun_s
    journal.tell(host, "step", f"rotating {rotation.secret}", rotation.secret, seconds=took_s)
    return True


def _joined(parts: list[StringCommand]) -> Generator[str | StringCommand, None, None]:
    for number, part in enumerate(parts):
        if number:
            yield "&&"
        yield part


def _write(source: str, target: str) -> StringCommand:
    """Write over a file in place; the new value is at least as long as the former."""
    return StringCommand(
        "chmod u+w", QuoteString(target),
        "&& dd", QuoteString(f"if={source}"), QuoteString(f"of={target}"),
        "conv=notrunc 2>/dev/null && chmod 0444", QuoteString(target),
        "&& cmp -s", QuoteString(source), QuoteString(target),
    )  # fmt: skip


def _until_seen(detected: Detected, container: str, secret: str, fresh: str) -> StringCommand:
    """Wait until a container has the new value in its file; without `cat` in it, by `docker cp`."""
    file = f"/run/secrets/{secret}"
    return StringCommand(
        f"left={SEEN_WITHIN_S * 5}; until {{",
        docker(detected, "exec", container, "cat", file), "2>/dev/null ||",
        docker(detected, "cp", f"{container}:{file}", "-"), "2>/dev/null | tar -xOf -; }",
        "| cmp -s -", QuoteString(fresh),
        "; do left=$((left - 1)); [ $left -gt 0 ] || exit 1; sleep 0.2; done",
    )  # fmt: skip
