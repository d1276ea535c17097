"""How long an endpoint may say no, before that counts."""

import httpx
import pytest

from facts import verify
from stack.changes.observed import Observed
from stack.release.containers import RELEASE_LABEL
from tests.demo import demo_release
from tests.docker_doubles import inspected_containers, observed


class Endpoint:
    """Stands for the demo's one endpoint: a store was away for its first answers."""

    def __init__(self, release, unhealthy: int):
        self.release = release.containers["risk"].labels[RELEASE_LABEL]
        self.unhealthy = unhealthy
        self.asked = 0

    def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked <= self.unhealthy:
            return httpx.Response(503, json={"status": "unhealthy"})
        return httpx.Response(200, json={"release": self.release})


@pytest.fixture
def answers(monkeypatch, demo_project):
    """What verify finds of an endpoint, and how often it asked; risk's container is in a state."""

    def answers(unhealthy: int, state: str, patience_s: float = 2):
        release = demo_release(demo_project)
        endpoint = Endpoint(release, unhealthy)
        client = httpx.Client(transport=httpx.MockTransport(endpoint))
        containers = inspected_containers(release)
        containers["risk"]["State"]["Health"]["Status"] = state
        found: Observed = observed(release, containers=containers)
        monkeypatch.setattr(verify, "ENDPOINT_PATIENCE_S", patience_s)
        monkeypatch.setattr(verify, "http_client", lambda _host: client)
        return verify.ask_all(None, release, found)["risk"], endpoint.asked

    return answers


def test_a_healthy_service_may_say_no_for_a_moment(answers):
    answer, asked = answers(unhealthy=2, state="healthy")
    assert answer.problem is None
    assert asked == answer.asked == 3
    assert answer.words.endswith(" ms, asked 3 times")


def test_one_that_goes_on_saying_no_is_told(answers):
    answer, asked = answers(unhealthy=1000, state="healthy", patience_s=0.5)
    assert answer.problem.startswith("answers 503")
    assert asked > 2


def test_one_that_its_daemon_calls_unhealthy_is_asked_once(answers):
    answer, asked = answers(unhealthy=2, state="unhealthy")
    assert answer.problem.startswith("answers 503")
    assert asked == answer.asked == 1
    assert "asked" not in answer.words
