"""A swarm's secrets: generated once, kept by the managers, encrypted, and shown to nobody."""

from secrets import choice
from string import ascii_letters, digits

from pyinfra.api.host import Host

from facts.swarm_plan import SwarmPlan
from link.files import read
from operations.health import ServiceFailedError
from operations.secrets import LENGTH
from stack.swarm.placement import volumes_of
from stack.swarm.spec import KEPT_AS_LABEL, labels_of, secret_name


def keep_secrets(host: Host, swarm: SwarmPlan) -> dict[str, str]:
    """Put secrets that are missing into the swarm: secret → its name there.

    ServiceFailedError where one is missing whose former value is in a volume's data.
    """
    names = {name: it for name, it in swarm.secrets.items() if it is not None}
    given = swarm.settings.given_secrets
    for secret in swarm.of("secret"):
        value = given.get(secret) or _of_one_mac(swarm, secret) or _generated(swarm, secret)
        names[secret] = secret_name(swarm.stack, secret, value)
        labels = {**labels_of(swarm.stack), KEPT_AS_LABEL: secret}
        # In the body of a request to the daemon, which nobody logs.
        swarm.api.create_secret(names[secret], value.encode(), labels)
        host.log(f"{secret}: kept in the swarm")
    return names


def _of_one_mac(swarm: SwarmPlan, secret: str) -> str | None:
    """The value that a host has which ran the stack by itself; its data may depend on it."""
    for look in swarm.looks.values():
        directory = look.detected.directory.removesuffix(".swarm")
        try:
            return read(look.host, f"{directory}/secrets/{secret}").decode().strip() or None
        except FileNotFoundError:
            continue
    return None


def _generated(swarm: SwarmPlan, secret: str) -> str:
    for name, service in swarm.stack.services.items():
        held = {
            f"{volume} on {look.name}"
            for look in swarm.looks.values()
            for volume in volumes_of(swarm.stack, name) & look.volumes
        }
        if secret in service.secrets and held:
            raise ServiceFailedError(
                f"{name}: secret {secret} is nowhere, but volume {', '.join(sorted(held))} holds"
                f" data made with it: put its former value into ~/.drydock/{swarm.stack.name}"
                f"/secrets/{secret} there, or remove the volume if its data may go"
            )
    return "".join(choice(ascii_letters + digits) for _ in range(LENGTH))
