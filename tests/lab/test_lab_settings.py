"""Where a lab lives: names, directories and addresses."""

import subprocess
from pathlib import Path

import pytest

from lab.process import LabError
from lab.settings import Settings

ROOT = Path(__file__).parents[2]


def test_defaults_are_one_lab_on_10_77() -> None:
    settings = Settings.from_environment({})

    assert (settings.bridge, str(settings.gateway)) == ("drydock0", "10.77.0.1")
    assert str(settings.address(1)) == "10.77.0.11"
    assert settings.registry_address == "10.77.0.2:5000"


def test_two_labs_share_nothing_but_the_cache() -> None:
    one = Settings.from_environment({})
    other = Settings.from_environment(
        {
            "DRYDOCK_LAB_NAME": "two",
            "DRYDOCK_LAB_DIR": "/var/lib/two",
            "DRYDOCK_LAB_SUBNET": "10.78.0.0/24",
        }
    )

    assert one.cache == other.cache
    assert one.namespace("mac1") != other.namespace("mac1")
    assert one.cgroup != other.cgroup
    assert not one.subnet.overlaps(other.subnet)


def test_the_tests_lab_is_none_that_a_deploy_started() -> None:
    said = f". {ROOT}/tests/lab.env && env"
    done = subprocess.run(["sh", "-c", said], env={}, check=True, capture_output=True, text=True)
    own = Settings.from_environment(dict(line.split("=", 1) for line in done.stdout.splitlines()))
    usual = Settings.from_environment({})
    assert own.name != usual.name
    assert own.run != usual.run
    assert not own.subnet.overlaps(usual.subnet)
    for script in ("tests/run.sh", ".ci/run"):
        assert ". tests/lab.env\n" in (ROOT / script).read_text()


def test_interface_names_fit_linux() -> None:
    settings = Settings.from_environment({"DRYDOCK_LAB_NAME": "abcdefgh"})

    assert len(settings.interface("registry")) <= 15


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DRYDOCK_LAB_NAME", "far-too-long-a-name"),
        ("DRYDOCK_LAB_NAME", ""),
        ("DRYDOCK_LAB_SUBNET", "10.77.0.0/30"),
        ("DRYDOCK_LAB_SUBNET", "10.77.0.1/24"),
        ("DRYDOCK_LAB_SUBNET", "here"),
    ],
)
def test_a_bad_setting_is_named(variable: str, value: str) -> None:
    with pytest.raises(LabError, match=variable):
        Settings.from_environment({variable: value})
