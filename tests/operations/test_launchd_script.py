"""The script that gives launchd a job, run for real with a scripted launchctl."""

import subprocess

import pytest

from operations.monitor import SCRIPT
from tests.facts.conftest import executable, home, shell  # noqa: F401 - fixtures

# Jobs are files; one named `slow` is still there for the first looks after its end.
LAUNCHCTL = """
echo "$*" >>"$JOBS/../asked"
case $1 in
bootout)
    [ -e "$JOBS/${2##*/}" ] || { echo "Boot-out failed: 3: No such process" >&2; exit 3; }
    [ -e "$JOBS/../slow" ] || rm "$JOBS/${2##*/}" ;;
print)
    [ -e "$JOBS/${2##*/}" ] || exit 113
    rm "$JOBS/../slow" "$JOBS/${2##*/}" ;;
bootstrap)
    if [ -e "$JOBS/../fails" ]; then
        read -r status <"$JOBS/../fails"
        echo "Bootstrap failed: $status: of launchctl's own words" >&2
        exit "$status"
    fi
    : >"$JOBS/a.b.monitor" ;;
esac
"""


@pytest.fixture
def load(shell, home, executable):  # noqa: F811
    """Run the script; its status and what it said."""
    launchctl = executable(home / "bin/launchctl", LAUNCHCTL)
    (home / "jobs").mkdir()
    (home / "wanted.plist").write_text("<plist/>")

    def run(*plist):
        place = f"{home}/Library/LaunchAgents/a.b.monitor.plist"
        words = ["user/501", "a.b.monitor", place, *(f"{home}/{it}" for it in plist)]
        done = subprocess.run(
            [*shell, "-c", SCRIPT, "drydock-launchd", *words],
            check=False,
            env={"PATH": f"{launchctl.parent}:/usr/bin:/bin", "JOBS": f"{home}/jobs"},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    return run


def asked(home):  # noqa: F811
    return [it.split()[0] for it in (home / "asked").read_text().splitlines()]


def test_a_job_is_loaded_from_its_place(load, home):  # noqa: F811
    assert load("wanted.plist") == (0, "")
    placed = home / "Library/LaunchAgents/a.b.monitor.plist"
    assert placed.read_text() == "<plist/>"
    assert placed.stat().st_mode & 0o777 == 0o644
    assert [it.name for it in placed.parent.iterdir()] == [placed.name]
    assert asked(home) == ["bootout", "print", "bootstrap"]


def test_a_former_job_has_ended_before_the_new_one_is_loaded(load, home):  # noqa: F811
    (home / "jobs/a.b.monitor").touch()
    (home / "slow").touch()
    assert load("wanted.plist") == (0, "")
    assert asked(home) == ["bootout", "print", "print", "bootstrap"]


def test_a_job_that_goes_takes_its_property_list_along(load, home):  # noqa: F811
    assert load("wanted.plist")[0] == 0
    assert load() == (0, "")
    assert not list((home / "Library/LaunchAgents").iterdir())
    assert not list((home / "jobs").iterdir())


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (125, "there is no such domain: nobody with that name has logged in since the Mac started"),
        (119, "somebody has disabled it: launchctl enable user/501/a.b.monitor"),
        (5, "launchctl error 5 says what that is"),
    ],
)
def test_what_launchd_refuses_is_explained(load, home, error, why):  # noqa: F811
    (home / "fails").write_text(f"{error}\n")
    status, said = load("wanted.plist")
    assert status == 1
    assert said == (
        f"launchd doesn't take the monitor: Bootstrap failed: {error}: of launchctl's own words;"
        f" {why}; or do without: --data monitor=off\n"
    )
