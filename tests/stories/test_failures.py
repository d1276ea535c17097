"""Deployments that fail on the way: what is said, and what goes on running."""

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project

pytestmark = pytest.mark.lab


def refused(run, *sentences):
    """It failed, and said why in words."""
    assert run.status != 0, run.text
    assert "Traceback" not in run.text
    for sentence in sentences:
        assert sentence in run.text, run.text


def test_a_command_that_fails_is_shown_with_its_log(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    bad = ["python3", "-c", "raise SystemExit('the tide tables are missing')"]
    run = running.run("deploy.py", "-y", hosts="mac2", overrides={"pilot": {"command": bad}})

    refused(
        run,
        "pilot: ended 3 times since its start",
        "its last 20 log lines:",
        "the tide tables are missing",
        "healthy and left running: store, tide, gate",
        "not started or not healthy: pilot",
    )
    after = mac2.identities("harbour")
    assert {name for name in before if before[name] == after[name]} == set(before) - {
        "harbour-pilot"
    }


def test_a_service_that_never_becomes_healthy_meets_its_deadline(running: Project, mac2: Mac):
    health = {"test": ["sh", "-c", "echo still fog; exit 1"], "retries": 100, "deadline_s": 3}
    run = running.run("deploy.py", "-y", hosts="mac2", overrides={"pilot": {"health": health}})

    refused(run, "pilot: not healthy within 3 s", "its health check said:", "still fog")


def test_an_unhealthy_service_is_given_up_before_its_deadline(running: Project):
    health = {
        "test": ["sh", "-c", "echo aground; exit 1"],
        "interval_s": 0.2,
        "start_period_s": 0,
        "retries": 2,
        "deadline_s": 100,
    }
    run = running.run("deploy.py", "-y", hosts="mac2", overrides={"pilot": {"health": health}})

    refused(run, "pilot: unhealthy", "aground")


def test_what_needs_a_failing_service_is_not_started(running: Project, mac2: Mac):
    mac2.remove_stack("harbour")
    run = running.run(
        "deploy.py", "-y", hosts="mac2", overrides={"store": {"command": ["redis-server", "--no"]}}
    )

    refused(run, "store: ended 3 times", "not started or not healthy: store, tide, pilot, gate")
    states = {n: each["State"]["Status"] for n, each in mac2.containers("harbour").items()}
    states.pop("harbour-store")
    assert set(states.values()) == {"created"}


def test_an_old_container_cannot_pass_for_a_new_one(running: Project):
    """It is healthy and its container is as it should be, but it answers for another release."""
    running.edit("src/tide.py", 'os.environ["RELEASE"]', '"0123456789ab"')
    run = running.run("deploy.py", "-y", hosts="mac2")

    refused(run, "4/4 containers healthy, 0/1 endpoints answer with their own release")
    assert "tide: http://127.0.0.1:18001/health answers for release '0123456789ab', not" in run.text


def test_an_image_that_does_not_build_leaves_all_running(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    running.edit("templates/images/gate.Dockerfile.j2", "USER nginx", "RUN rm /the-breakwater")
    run = running.run("deploy.py", "-y", hosts="mac2")

    refused(run, "gate: its image doesn't build; the last lines were:", "/the-breakwater")
    assert mac2.identities("harbour") == before
