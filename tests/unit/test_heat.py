"""What the monitor takes from services at heavy pressure is no difference from the map."""

import copy

import pytest

from stack.changes.compare import compare_running
from stack.changes.heat import Cap, capped, findings_of, in_words, read_caps, uncapped
from tests.demo import demo_release
from tests.docker_doubles import inspected_containers, observed

SINCE = "2026-11-23T16:00:00Z"
CAPS = {"risk": Cap(2, 1, SINCE)}


@pytest.fixture
def hot(demo_project):
    """A release, and a host that runs it with risk at so many CPUs."""
    release = demo_release(demo_project)

    def at(cpus):
        containers = copy.deepcopy(inspected_containers(release))
        containers["risk"]["HostConfig"]["NanoCpus"] = round(cpus * 1e9)
        return release, observed(release, containers=containers)

    return at


def sentences(release, seen, caps):
    cool = uncapped(release.stack, seen, caps)
    return [change.sentence for change in compare_running(release, cool, 4)]


def test_a_capped_service_is_told_and_no_drift(hot):
    release, seen = hot(1)
    assert sentences(release, seen, CAPS) == []
    assert capped(release.stack, seen, CAPS) == CAPS
    assert [finding.message for finding in findings_of(CAPS)] == [
        f"risk: capped at 1 of 2 CPUs for heat since {SINCE}; the monitor lifts it when the Mac has"
        " cooled down"
    ]


def test_without_its_cap_it_is_drift(hot):
    release, seen = hot(1)
    assert sentences(release, seen, {}) == ["risk: CPUs 1 → 2, applied live"]


def test_what_somebody_else_gave_it_is_drift_in_spite_of_a_cap(hot):
    release, seen = hot(1.5)
    assert sentences(release, seen, CAPS) == ["risk: CPUs 1.5 → 2, applied live"]
    assert capped(release.stack, seen, CAPS) == {}


def test_a_cap_that_is_lifted_already_is_none(hot):
    release, seen = hot(2)
    assert sentences(release, seen, CAPS) == []
    assert capped(release.stack, seen, CAPS) == {}


def test_a_new_map_is_told_from_what_the_service_had(hot):
    release, seen = hot(0.5)
    caps = {"risk": Cap(1, 0.5, SINCE), "gone": Cap(1, 0.5, SINCE)}
    assert sentences(release, seen, caps) == ["risk: CPUs 1 → 2, applied live"]


def test_lines_of_a_damaged_file_cap_nothing():
    lines = [f"risk\t2\t1\t{SINCE}", "", "page\t1", f"store\tmuch\tless\t{SINCE}"]
    assert read_caps(lines) == CAPS


def test_a_level_that_proves_nothing_is_called_so():
    assert [in_words(level) for level in (0, 2)] == ["none reported (0)", "heavy (2)"]
