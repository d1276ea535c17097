"""Services that lead requests to others, so that one of those can be replaced without a gap."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from stack.fields import Data, Name
from stack.origins import Origins, suggest

if TYPE_CHECKING:
    from stack.model import Stack


class Routes(Data):
    """What a service such as nginx is asked to do while another one is replaced."""

    services: tuple[Name, ...] = Field(min_length=1)
    """Whose requests go through it."""
    lead: tuple[str, ...] = Field(min_length=1)
    """A command in its container, run without a shell, that leads new requests for `{service}` to
    the container of the name `{host}`; where both are the same, to the service itself again."""
    forgets_after_s: float = Field(1, ge=0)
    """How long it may go on with an address that it has looked up; nothing is stopped sooner."""

    def command(self, service: str, host: str) -> list[str]:
        """The words that lead a service's requests to a host."""
        return [it.replace("{service}", service).replace("{host}", host) for it in self.lead]


def router_of(stack: "Stack", service: str) -> str | None:
    """The service that leads requests to this one, if there is one."""
    return next(
        (n for n, it in stack.services.items() if it.routes and service in it.routes.services),
        None,
    )


def check_routes(stack: "Stack", places: Origins) -> Iterable[str]:
    """Say what is wrong with the routes of a stack, a sentence each."""
    owners: dict[str, str] = {}
    for name, service in stack.services.items():
        if service.routes is None:
            continue
        where = places.place("stack", "services", name, "routes")
        if not any("{host}" in word for word in service.routes.lead):
            yield f"{where}.lead: doesn't name {{host}}, where requests are to go; add it"
        for routed in service.routes.services:
            if routed not in stack.services:
                known = suggest(routed, stack.services)
                yield f"{where}.services: {routed!r} is no service of this stack; {known}"
            elif routed == name:
                yield f"{where}.services: {name!r} can't lead requests to itself; drop it"
            elif routed in owners:
                other = owners[routed]
                yield f"{where}.services: {routed!r} is led to by {other!r} already; drop one"
            else:
                owners[routed] = name
