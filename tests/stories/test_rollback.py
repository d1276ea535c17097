"""Going back to a release that the host keeps."""

import json
import shutil

import pytest

from lab.faults import Faults
from operations.operator import operator
from tests.stories.mac import Mac
from tests.stories.project import Project, Run
from tests.stories.running_lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.apart]
HEALTH = "curl -fsS http://127.0.0.1:18001/health"
RELEASES = "~/.drydock/harbour/releases"


def current(mac: Mac) -> str:
    return mac.sh("readlink ~/.drydock/harbour/current").removeprefix("releases/")


def greeting(words: str) -> dict[str, object]:
    return {"tide": {"environment": {"GREETING": words}}}


@pytest.fixture
def two_releases(running: Project, mac2: Mac) -> tuple[str, str]:
    """The first as `running` deploys it; the second says something else, from other code."""
    first = current(mac2)
    running.edit("src/tide.py", '"greeting": greeting', '"greeting": greeting, "moon": "full"')
    running.deploy(
        hosts="mac2",
        overrides={**greeting("low water"), "gate": {"memory": "80 MiB"}},
        why="the moon",
    )
    return first, current(mac2)


def refused(run: Run, *sentences: str) -> None:
    assert run.status != 0, run.text
    assert "Traceback" not in run.text
    for sentence in sentences:
        assert sentence in run.words, run.text


def break_off(project: Project, **data: object) -> None:
    """Start a rollback, and kill it once its release is current, before that is verified."""
    with project.start("rollback.py", "-y", hosts="mac2", **data) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Verify" in line:
                break
        else:
            raise AssertionError(said)
        process.kill()


def test_one_command_leads_back_without_source_build_or_network(
    running: Project, two_releases: tuple[str, str], lab: Lab, mac2: Mac
):
    first, second = two_releases
    before = mac2.identities("harbour")
    for folder in ("src", "templates"):
        shutil.rmtree(running.folder / folder)
    nowhere = {"registry_mirror": "127.0.0.1:9"}

    evidence = mac2.evidence()
    dry = running.run("rollback.py", "--dry", hosts="mac2", **nowhere)
    assert dry.status == 0, dry.text
    assert f"release: current {second} → {first}: switched back" in dry.text
    assert "tide: environment GREETING low water → high water: recreate" in dry.text
    assert "gate: memory 80 MiB → 64 MiB, applied live" in dry.text
    assert mac2.evidence() == evidence

    with Faults(lab.settings, mac2.state).without_registry():
        break_off(running, **nowhere)
        assert current(mac2) == first
        # The same command ends there, and doesn't go one further back.
        run = running.run("rollback.py", "-y", hosts="mac2", **nowhere)
    assert "by a run cut off: verified and recorded" in run.words
    assert run.status == 0, run.text
    assert "building" not in run.text
    assert "pull" not in run.text
    assert "4/4 containers healthy, 1/1 endpoints answer with their own release" in run.text
    assert current(mac2) == first
    assert "high water" in mac2.sh(HEALTH)
    assert "moon" not in mac2.sh(HEALTH)
    after = mac2.identities("harbour")
    assert {name for name in before if before[name] == after[name]} == {
        "harbour-store",
        "harbour-gate",
    }

    again = running.run("rollback.py", "-y", "-vvv", "--debug", hosts="mac2", release=second)
    assert again.status == 0, again.text
    assert mac2.sh("cat ~/.drydock/harbour/secrets/tide_token") not in again.text
    began, *rest, ended = mac2.last_run("harbour")
    assert (began["event"], began["what"]) == ("begun", f"going back to release {second}")
    assert (began["release"], began["former"]) == (second, first)
    assert {"tide", "gate"} <= {it["subject"] for it in rest if it["event"] == "change"}
    assert {it["subject"] for it in rest if it.get("outcome") == "healthy"} >= {"tide"}
    assert (ended["event"], ended["outcome"]) == ("ended", "good")
    assert (current(mac2), "moon" in mac2.sh(HEALTH)) == (second, True)


def test_one_service_goes_back_alone(running: Project, two_releases: tuple[str, str], mac2: Mac):
    first, second = two_releases
    break_off(running, services="tide")
    mixture = current(mac2)
    assert mixture not in (first, second)
    run = running.run("rollback.py", "-y", hosts="mac2", services="tide")
    assert run.status == 0, run.text
    assert current(mac2) == mixture
    assert json.loads(mac2.sh(f"cat {RELEASES}/{mixture}.cdx.json"))["components"]
    assert "high water" in mac2.sh(HEALTH)
    # The gate keeps what the second release gave it.
    assert mac2.containers("harbour")["harbour-gate"]["HostConfig"]["Memory"] == 80 * 2**20
    again = running.run("rollback.py", "-y", hosts="mac2", release=current(mac2))
    assert "no changes" in again.text


def test_releases_are_listed_with_what_differs(
    running: Project, two_releases: tuple[str, str], mac2: Mac
):
    first, second = two_releases
    before = mac2.evidence()
    run = running.run("releases.py", "-y", hosts="mac2")
    assert run.status == 0, run.text
    assert f"{second}, current, good, deployed 20" in run.text
    assert "for the moon" in run.text
    assert "tide: environment GREETING high water → low water" in run.text
    assert "its src changed" in run.text
    assert f"{first}, good, deployed" in run.text
    assert mac2.evidence() == before


def test_a_release_is_kept_with_its_images_and_who_brought_it(
    two_releases: tuple[str, str], mac2: Mac
):
    first, second = two_releases
    record = json.loads(mac2.sh(f"cat {RELEASES}/{second}.json"))
    containers = mac2.containers("harbour")
    assert record["images"] == {
        name.removeprefix("harbour-"): each["Image"] for name, each in containers.items()
    }
    assert record["who"] == operator()
    assert (record["former"], record["why"], record["state"]) == (first, "the moon", "good")


def test_images_of_kept_releases_outlive_every_prune(
    running: Project, two_releases: tuple[str, str], mac2: Mac
):
    for prune in ("container prune", "image prune --all", "system prune --all --volumes"):
        mac2.docker(*prune.split(), "--force")
    run = running.run("rollback.py", "-y", hosts="mac2")
    assert run.status == 0, run.text
    assert current(mac2) == two_releases[0]


def test_what_is_not_whole_is_refused_before_anything_changes(
    running: Project, two_releases: tuple[str, str], mac2: Mac
):
    first, _ = two_releases
    file = f"{RELEASES}/{first}/images/gate/nginx.conf"
    mac2.sh(f"mv {file} {file}.away; echo mine >>{RELEASES}/{first}/docker-compose.m1.yml")
    before = mac2.evidence()
    refused(
        running.run("rollback.py", "-y", hosts="mac2", release=first),
        f"release {first} can't be gone back to; nothing was changed:",
        "file docker-compose.m1.yml is damaged",
        "file images/gate/nginx.conf is missing",
    )
    assert mac2.evidence() == before


def test_an_image_that_is_gone_is_named(running: Project, two_releases: tuple[str, str], mac2: Mac):
    first, _ = two_releases
    label = "label=dev.drydock.keeps=harbour"
    mac2.docker("rm", "--force", *mac2.docker("ps", "-aq", "--filter", label).split())
    mac2.docker("image", "prune", "--all", "--force")
    before = mac2.evidence()
    refused(
        running.run("rollback.py", "-y", hosts="mac2", release=first),
        "tide: its image harbour-tide:",
        "is gone from this host",
    )
    assert mac2.evidence() == before


def test_only_the_last_releases_are_kept_with_their_images(running: Project, mac2: Mac):
    unused = ("volume", "ls", "--quiet", "--filter", "dangling=true")
    before = mac2.docker(*unused)
    running.edit("templates/images/tide.Dockerfile.j2", "USER", "VOLUME /srv/water\nUSER")
    for word in ("one", "two", "three"):
        running.edit("src/tide.py", '"greeting": greeting', f'"greeting": greeting, "{word}": 1')
        running.deploy(hosts="mac2", keep_releases=2)
        running.edit("src/tide.py", f'"greeting": greeting, "{word}": 1', '"greeting": greeting')
    # Of each its directory, its record and its bill of materials.
    kept = mac2.sh(f"ls {RELEASES}").split()
    releases = {name.partition(".")[0] for name in kept}
    assert len(releases) == 2
    assert sorted(kept) == sorted(
        release + ending for release in releases for ending in ("", ".json", ".cdx.json")
    )
    images = mac2.docker("images", "--no-trunc", "--quiet", "--filter", "reference=harbour-tide")
    assert len(set(images.split())) == 2
    # Nor is a volume left of a container that held one of them, or that stood in for the service.
    assert mac2.docker(*unused) == before


def test_without_an_earlier_release_there_is_nothing_to_go_back_to(harbour: Project, mac2: Mac):
    mac2.remove_stack("harbour")
    refused(harbour.run("rollback.py", "-y", hosts="mac2"), "no earlier release that was verified")
    harbour.deploy(hosts="mac2")
    refused(harbour.run("rollback.py", "-y", hosts="mac2"), "no earlier release that was verified")
