"""Which services a new secret concerns, and what each has to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stack.changes.change import Change, Changes
from stack.changes.observed import Observed
from stack.errors import DrydockError
from stack.model import Stack
from stack.origins import suggest


@dataclass(frozen=True)
class Rotation:
    """One secret that gets a new value."""

    secret: str
    judges: Mapping[str, tuple[str, ...]]
    """Container of a service that checks the secret → the command that changes it there."""
    readers: tuple[str, ...]
    """Every container that has the secret's file."""


def rotations_of(stack: Stack, observed: Observed, secrets: Iterable[str]) -> list[Rotation]:
    """What to do for each secret; DrydockError where one can't be rotated now, before any is."""
    known = {secret for service in stack.services.values() for secret in service.secrets}
    made = []
    for secret in dict.fromkeys(secrets):
        if secret not in known:
            raise DrydockError(f"secrets: {secret!r} is no secret; {suggest(secret, known)}")
        services = [name for name, it in stack.services.items() if secret in it.secrets]
        judges = {
            stack.container_name(name): it.rotate[secret]
            for name, it in stack.services.items()
            if secret in it.rotate
        }
        if not judges:
            raise DrydockError(
                f"secrets: no service says in its 'rotate' how {secret!r} is changed while it runs"
                f" (it is read by {', '.join(services)}); add the command to the stack's data"
            )
        readers = tuple(stack.container_name(name) for name in services)
        held = {name: observed.containers.get(name) for name in {*readers, *judges}}
        if away := [name for name, it in sorted(held.items()) if it is None or not it.running]:
            raise DrydockError(
                f"secrets: {secret!r} can't be rotated while {', '.join(away)} isn't running:"
                " deploy first"
            )
        made.append(Rotation(secret, judges, readers))
    if not made:
        raise DrydockError(f"say which secrets: --data secrets={','.join(sorted(known)) or 'NAME'}")
    return made


def changes_of(rotations: Iterable[Rotation]) -> Changes:
    """The same, as changes to announce."""
    return Changes(
        tuple(
            Change(
                "rotate",
                it.secret,
                "value",
                reason=f"by {', '.join(it.judges)}, read by {', '.join(it.readers)}",
            )
            for it in rotations
        )
    )
