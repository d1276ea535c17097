"""A release that fails leaves the old one serving."""

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project
from tests.stories.test_rollback import HEALTH, current

pytestmark = [pytest.mark.lab, pytest.mark.apart]
BROKEN = ["python3", "-c", "raise SystemExit('the tide tables are missing')"]
BAD = {"pilot": {"command": BROKEN}, "gate": {"memory": "80 MiB"}}


def test_a_service_that_fails_is_rolled_back_with_all_that_was_changed(running: Project, mac2: Mac):
    before, release = mac2.identities("harbour"), current(mac2)
    run = running.run("deploy.py", "-y", hosts="mac2", overrides=BAD)

    assert run.status != 0
    assert "pilot: ended 3 times since its start" in run.text
    assert f"rolled back to release {release}; restored: pilot, gate" in run.words
    assert "--data keep_failed=true" in run.words
    assert "high water" in mac2.sh(HEALTH)
    after = mac2.identities("harbour")
    assert {name for name in before if before[name] != after[name]} == {"harbour-pilot"}
    assert mac2.containers("harbour")["harbour-gate"]["HostConfig"]["Memory"] == 64 * 2**20
    assert current(mac2) == release
    began, *_, ended = mac2.last_run("harbour")
    assert began["what"].startswith("a deploy of release ")
    assert (ended["event"], ended["outcome"]) == ("ended", "rolled back")
    assert "the operation 'Start services' failed" in ended["what"]
    assert "no changes" in running.deploy(hosts="mac2").text


def test_a_release_that_does_not_verify_is_rolled_back(running: Project, mac2: Mac):
    release = current(mac2)
    running.edit("src/tide.py", 'os.environ["RELEASE"]', '"0123456789ab"')
    run = running.run("deploy.py", "-y", hosts="mac2")

    assert run.status != 0
    assert f"rolled back to release {release}" in run.words
    assert current(mac2) == release
    assert "0123456789ab" not in mac2.sh(HEALTH)
    assert "rolled back, deployed" in running.run("releases.py", "-y", hosts="mac2").text


def test_the_broken_state_is_kept_on_request_and_one_command_leads_back(
    running: Project, mac2: Mac
):
    run = running.run("deploy.py", "-y", hosts="mac2", overrides=BAD, keep_failed=True)
    assert run.status != 0
    assert "the broken state is kept" in run.words
    assert mac2.containers("harbour")["harbour-pilot"]["Config"]["Cmd"] == BROKEN

    back = running.run("rollback.py", "-y", hosts="mac2")
    assert back.status == 0, back.text
    assert "high water" in mac2.sh(HEALTH)


def test_a_first_release_that_fails_has_nothing_to_go_back_to(harbour: Project, mac2: Mac):
    mac2.remove_stack("harbour")
    run = harbour.run("deploy.py", "-y", hosts="mac2", overrides=BAD)
    assert run.status != 0
    assert "nothing was rolled back: this was the first release here" in run.words
