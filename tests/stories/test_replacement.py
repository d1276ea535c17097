"""A changed service is replaced beside the running one, and who asks through nginx sees nothing."""

import re
from time import monotonic

import pytest

from tests.stories.client import Client
from tests.stories.mac import Mac
from tests.stories.project import Project

pytestmark = pytest.mark.lab
DEPLOYS = 10
PER_SECOND = 50
PATHS = ("/tide", "/tide", "/tide", "/tide", "/tide/slow")


def greets(text: str) -> dict[str, object]:
    return {"tide": {"environment": {"GREETING": text}}}


def test_no_request_is_lost_over_ten_replacements(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    with Client(mac2, 18080, PATHS, PER_SECOND) as client:
        began = monotonic()
        for number in range(DEPLOYS):
            run = running.deploy(hosts="mac2", overrides=greets(f"tide {number}"))
            assert "tide: replaced beside the running one, gate leads requests" in run.words
            assert "tide: its own port was away for " in run.words
        took_s = monotonic() - began
    assert client.failures == []
    assert client.answers.total() >= 0.9 * PER_SECOND * took_s
    for number in range(DEPLOYS):
        assert any(f"tide {number}" in answer for answer in client.answers), client.answers

    after = mac2.identities("harbour")
    assert set(after) == set(before)
    assert all(after[name] == before[name] for name in before if name != "harbour-tide")
    again = running.deploy(hosts="mac2", overrides=greets(f"tide {DEPLOYS - 1}"))
    assert "no changes" in again.text


def test_a_router_that_changes_too_is_away_for_its_own_restart_alone(running: Project, mac2: Mac):
    gate = {"build": {"arguments": {"greeting": "the gate is new"}}}
    with Client(mac2, 18080, PATHS, PER_SECOND) as client:
        run = running.deploy(hosts="mac2", overrides={**greets("both"), "gate": gate})
    assert "tide: replaced beside the running one, gate leads requests" in run.words
    away = re.search(r"gate: it was away for ([\d.]+) s", run.words)
    assert away is not None, run.text
    # Nobody answers at the gate itself; what it leads to is always there.
    assert all(": 0 " in it for it in client.failures), client.failures
    assert len(client.failures) <= PER_SECOND * (float(away[1]) + 1)
    assert any("both" in answer for answer in client.answers)
    assert "the gate is new" in mac2.sh("curl -fsS http://127.0.0.1:18080/")


def test_a_release_that_fails_beside_leaves_the_old_one_serving(running: Project, mac2: Mac):
    before = mac2.identities("harbour")
    overrides = {
        "tide": {"command": ["false"], "health": {"test": ["false"], "deadline_s": 10}},
    }
    with Client(mac2, 18080, PATHS) as client:
        run = running.run("deploy.py", "-y", hosts="mac2", overrides=overrides)
    assert run.status != 0
    assert "tide (stand-in): ended once since its start" in run.text
    assert client.failures == []
    assert mac2.identities("harbour") == before


def test_what_keeps_data_is_said_to_be_interrupted_and_for_how_long(running: Project, mac2: Mac):
    for colour in ("blue", "green"):
        overrides = {"store": {"environment": {"COLOUR": colour}}}
        run = running.deploy(hosts="mac2", overrides=overrides)
        assert "it keeps data in volumes, which two containers can't share" in run.words
        assert "store: it was away for " in run.words
    # As long as the last time.
    assert re.search(r"store: replaced with about \d+ s of interruption", run.words), run.text


def test_a_stand_in_that_a_killed_deploy_left_is_retired(running: Project, mac2: Mac):
    deploy = running.start("deploy.py", "-y", hosts="mac2", overrides=greets("cut off"))
    assert deploy.stdout is not None
    # The stand-in is healthy; the container that it stands in for is replaced next.
    for line in deploy.stdout:
        if "tide (stand-in) healthy" in line:
            break
    deploy.kill()
    deploy.communicate()
    assert "harbour-tide-beside" in mac2.containers("harbour")

    with Client(mac2, 18080, PATHS) as client:
        run = running.deploy(hosts="mac2", overrides=greets("cut off"))
    assert client.failures == []
    assert set(mac2.containers("harbour")) == {
        "harbour-store", "harbour-tide", "harbour-pilot", "harbour-gate",
    }  # fmt: skip
    assert "cut off" in mac2.sh("curl -fsS http://127.0.0.1:18080/tide")
    again = running.deploy(hosts="mac2", overrides=greets("cut off"))
    assert "no changes" in again.text, run.text
