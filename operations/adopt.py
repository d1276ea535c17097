"""Containers that others made: kept as they are described, set aside, and brought back."""

import json
from collections.abc import Generator
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound
from pyinfra.api.command import PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from facts.detect import Detected
from facts.originals import Json, kept_originals
from facts.plan import HostPlan
from link.daemon import daemon
from operations.docker_cli import run
from operations.health import ServiceFailedError, health_of
from operations.placed import close, place
from operations.refusal import refused, step
from stack.changes.adopt import original_json, remembered, set_aside_name
from stack.release.images import STACK_LABEL

NEVER: Any = {"Name": "no", "MaximumRetryCount": 0}
STOP_S = 60
HEALTHY_WITHIN_S = 120
LOOK_EVERY_S = 0.5


@operation()
def keep(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Keep what others' containers are like, before anything else is done.

    + plan: the containers

    Their compose files are copied as they are, beside the daemon's own description of each, which
    has whatever secrets they were given: nobody else may enter. What an earlier run kept stays.
    """
    if plan.adoption:
        yield step(_keep, plan)


@operation()
def set_aside(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Stop others' containers and give them another name; nothing of them is removed.

    + plan: the containers
    """
    if plan.adoption:
        yield step(_set_aside, plan)


@operation()
def bring_back(plan: HostPlan) -> Generator[PyinfraCommand, None, None]:
    """Let others' containers run again as they did, now that ours are gone.

    + plan: the host
    """
    if plan.changes:
        yield step(back, plan.detected, plan.release.stack.name)


def _keep(host: Host, plan: HostPlan) -> bool:
    try:
        return _keep_all(host, plan)
    except ServiceFailedError as failure:
        return refused(host, str(failure))


def _keep_all(host: Host, plan: HostPlan) -> bool:
    directory = f"{plan.detected.directory}/original"
    adoption = plan.adoption
    api = daemon(host, plan.detected.runtime)
    taken = {name for it in api.containers(all=True) for name in it["Names"]}
    for name in adoption.originals:
        if f"/{set_aside_name(name)}" in taken:
            return refused(
                host, f"container {set_aside_name(name)} exists already: rename it, then run again"
            )
    secrets = plan.detected.secrets_directory
    close(host, directory, secrets)
    for number, path in enumerate(adoption.config_files):
        ending = f".{number + 1}" if number else ""
        copy = StringCommand(
            "umask 077 && { [ ! -f", QuoteString(path), "] && echo gone || cp", QuoteString(path),
            QuoteString(f"{directory}/docker-compose.yml.backup{ending}"), "; }",
        )  # fmt: skip
        if run(host, copy, f"{path} can't be copied", lines=5):
            host.log(f"their compose file {path} is gone; the containers' description is kept")
    former = kept_originals(host, plan.detected.directory)
    content = {
        "containers.json": original_json(adoption, json.dumps(former)),
        "volumes": remembered({**plan.current.adopted, **adoption.taken}),
    }
    for name, it in content.items():
        place(host, f"{directory}/{name}", it)
    for secret, value in adoption.secrets.items():
        place(host, f"{secrets}/{secret}", value.encode(), "0444")
    host.log(f"what they are like is kept in {directory}")
    return True


def _set_aside(host: Host, plan: HostPlan) -> bool:
    api = daemon(host, plan.detected.runtime)
    services = plan.release.stack.services
    order = [plan.release.stack.container_name(service) for service in services]
    # Who needs others comes after them in the data mostly, and goes first.
    for name in sorted(plan.adoption.originals, key=order.index, reverse=True):
        found = plan.adoption.originals[name]
        try:
            # With "always" the daemon would start it again when it is restarted itself.
            api.update_container(found.id, restart_policy=NEVER)
            api.stop(found.id, timeout=STOP_S)
            api.rename(found.id, set_aside_name(name))
        except APIError as error:
            return refused(host, f"{name} can't be set aside: {error.explanation}")
        host.log(f"{name}: stopped, and kept as {set_aside_name(name)}")
    return True


def back(host: Host, detected: Detected, stack: str) -> bool:
    """Remove ours, and let the originals run again under their names; who does already, goes on."""
    api = daemon(host, detected.runtime)
    originals = kept_originals(host, detected.directory)
    original = f"{detected.directory}/original"
    done = StringCommand(
        "rm -rf", QuoteString(f"{original}-brought-back"), "&& mv", QuoteString(original),
        QuoteString(f"{original}-brought-back"), "&& rm -f",
        QuoteString(f"{detected.directory}/current"),
    )  # fmt: skip
    try:
        _remove_ours(api, stack)
        for name, it in originals.items():
            _bring_back(api, name, it)
        for name, it in originals.items():
            _wait_for(api, name, it)
        run(host, done, "the record of the originals can't be put away", lines=5)
    except NotFound as error:
        return refused(host, f"an original container is gone from this host: {error.explanation}")
    except (APIError, ServiceFailedError) as error:
        return refused(host, f"the originals can't all be brought back: {error}")
    host.log(f"{len(originals)} original containers are back: {', '.join(originals)}")
    return True


def _remove_ours(api: APIClient, stack: str) -> None:
    label = {"label": f"{STACK_LABEL}={stack}"}
    for it in api.containers(all=True, filters=label):
        api.stop(it["Id"], timeout=STOP_S)
        api.remove_container(it["Id"])
    for it in api.networks(filters=label):
        api.remove_network(it["Id"])


def _bring_back(api: APIClient, name: str, original: Json) -> None:
    found = api.inspect_container(original["Id"])
    if found["Name"] != f"/{name}":
        api.rename(original["Id"], name)
    policy = original["HostConfig"]["RestartPolicy"]
    api.update_container(original["Id"], restart_policy=policy)
    if original["State"]["Running"]:
        api.start(original["Id"])


def _wait_for(api: APIClient, name: str, original: Json) -> None:
    """Wait until it is as it was: running, and healthy where it has a health check."""
    if not original["State"]["Running"]:
        return
    wanted = "healthy" if original["State"].get("Health") else None

    def as_before() -> bool:
        found = api.inspect_container(original["Id"])
        return bool(found["State"]["Running"]) and wanted in (None, health_of(found))

    patiently = Retrying(
        retry=retry_if_result(lambda well: not well),
        stop=stop_after_delay(HEALTHY_WITHIN_S),
        wait=wait_fixed(LOOK_EVERY_S),
        retry_error_callback=lambda _: False,
    )
    if not patiently(as_before):
        raise ServiceFailedError(f"{name} isn't {wanted or 'running'} within {HEALTHY_WITHIN_S} s")
