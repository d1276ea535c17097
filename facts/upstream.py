"""Upstream images, as their registry has them now."""

from collections.abc import Iterable

from docker.errors import APIError
from pyinfra.api.host import Host

from facts.detect import Located
from link.daemon import daemon
from stack.errors import DrydockError
from stack.release.upstream import cannot_pull, mirrored
from stack.settings import Settings


def registry_digests(
    host: Host, detected: Located, settings: Settings, references: Iterable[str]
) -> dict[str, str]:
    """Digests of upstream images as their registry gives them now; changes nothing on the host.

    DrydockError names the image that can't be had, and what to set.
    """
    api = daemon(host, detected.runtime)
    found: dict[str, str] = {}
    for reference in references:
        try:
            answer = api.inspect_distribution(  # type: ignore[no-untyped-call]
                mirrored(reference, settings)
            )
        except APIError as error:
            raise DrydockError(cannot_pull(reference, settings, error.explanation)) from error
        found[reference] = answer["Descriptor"]["digest"]
    return found
