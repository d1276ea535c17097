"""Verify what a host runs: containers as they should be, endpoints that answer, what each uses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from time import monotonic

import httpx
from docker.errors import DockerException
from gevent.pool import Pool
from pyinfra.api.host import Host
from requests.exceptions import RequestException
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from facts.detect import Detected
from facts.together import together
from link.daemon import MAX_CONNECTIONS, daemon
from link.http import http_client
from stack.changes.observed import Observed, ObservedContainer
from stack.quantities import show_cores
from stack.release.containers import RELEASE_LABEL
from stack.release.render import Release
from stack.report.measured import (
    ENDPOINT_PATIENCE_S,
    Answer,
    Json,
    Row,
    Usage,
    usage_between,
)


@dataclass(frozen=True)
class Verdict:
    """What was found, and what is wrong with it."""

    rows: tuple[Row, ...]
    problems: tuple[str, ...]


def verify(
    host: Host,
    detected: Detected,
    release: Release,
    observed: Observed,
    seconds_to_healthy: Mapping[str, float],
) -> Verdict:
    """Ask every container and endpoint of a release; changes nothing.

    + observed: the containers as they are now
    + seconds_to_healthy: what the start measured, for the services that it started
    """
    containers = {
        service: observed.containers.get(release.stack.container_name(service))
        for service in release.containers
    }
    running = {service: it.id for service, it in containers.items() if it and it.running}
    first: dict[str, Json | None]
    answers: dict[str, Answer]
    first, answers = together(
        lambda: _samples(host, detected, running), lambda: ask_all(host, release, observed)
    )
    second = _samples(host, detected, running)
    rows = tuple(
        Row(
            service=service,
            image=f"{release.images[service].reference} {release.images[service].digest[:12]}",
            cores=(it.resources.cpuset if it else None) or _any_core(detected),
            usage=_usage(first.get(service), second.get(service)),
            health=_health(it),
            answer=answers.get(service),
            seconds_to_healthy=seconds_to_healthy.get(service),
        )
        for service, it in containers.items()
    )
    return Verdict(rows, tuple(_problems(rows)))


def _any_core(detected: Detected) -> str:
    return f"any of {show_cores(tuple(range(detected.daemon.cpus)))}"


def _health(container: ObservedContainer | None) -> str:
    if container is None:
        return "missing"
    # The daemon keeps the last answer of a container that no longer runs.
    return container.health or container.status if container.running else container.status


def _problems(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        if row.health != "healthy":
            yield f"{row.service}: its container is {row.health}"
        elif row.answer and row.answer.problem:
            yield f"{row.service}: {row.answer.url} {row.answer.problem}"


def _usage(first: Json | None, second: Json | None) -> Usage | None:
    return usage_between(first, second) if first and second else None


def _samples(host: Host, detected: Detected, running: Mapping[str, str]) -> dict[str, Json | None]:
    """One sample of each container's counters, at once; without those that have just gone."""
    api = daemon(host, detected.runtime)

    def sample(item: tuple[str, str]) -> tuple[str, Json | None]:
        try:
            return item[0], api.stats(item[1], stream=False, one_shot=True)
        except (DockerException, RequestException):
            return item[0], None

    return dict(Pool(MAX_CONNECTIONS).map(sample, running.items()))


def ask_all(host: Host, release: Release, observed: Observed) -> dict[str, Answer]:
    """What each endpoint of a release answers, by service."""
    services = [name for name, service in release.stack.services.items() if service.endpoint]

    def patience_s(name: str) -> float:
        container = observed.containers.get(release.stack.container_name(name))
        return ENDPOINT_PATIENCE_S if _health(container) == "healthy" else 0

    with http_client(host) as client:
        answers = Pool(len(services) or 1).map(
            lambda name: _ask(client, release, name, patience_s(name)), services
        )
    return dict(zip(services, answers, strict=True))


def _published(release: Release, name: str) -> str:
    """Where a service's port is, as seen from the host itself."""
    bound = release.containers[name].ports[0].partition("->")[0]
    return bound.replace("0.0.0.0:", "127.0.0.1:")


def _ask(client: httpx.Client, release: Release, name: str, patience_s: float) -> Answer:
    service = release.stack.services[name]
    url = f"http://{_published(release, name)}{service.endpoint}"
    wanted = release.containers[name].labels[RELEASE_LABEL]
    patiently = Retrying(
        retry=retry_if_result(lambda answer: answer.problem is not None),
        stop=stop_after_delay(patience_s),
        wait=wait_exponential(0.1, max=2),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    answer: Answer = patiently(lambda: _ask_once(client, url, wanted))
    return replace(answer, asked=patiently.statistics["attempt_number"])


def _ask_once(client: httpx.Client, url: str, wanted: str) -> Answer:
    began = monotonic()
    try:
        response = client.get(url)
    except httpx.HTTPError as error:
        return Answer(url, f"doesn't answer: {error}", None)
    latency_ms = 1000 * (monotonic() - began)
    if response.status_code != httpx.codes.OK:
        return Answer(url, f"answers {response.status_code}: {response.text[:200]}", latency_ms)
    try:
        release = response.json().get("release")
    except (ValueError, AttributeError):
        return Answer(url, "answers 200, but no JSON object", latency_ms)
    if release != wanted:
        return Answer(url, f"answers for release {release!r}, not {wanted}", latency_ms)
    return Answer(url, None, latency_ms)
