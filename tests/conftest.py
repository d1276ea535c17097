"""What tests of several parts share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.demo import write_project
from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project, Run
from tests.stories.running_lab import Lab, running_lab

# An example that takes long on a busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the lab's first Mac, or the odd ones alone: others can use the second."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if {"mac1", "nautilus_on_mac1"} & fixtures:
            item.add_marker(pytest.mark.mac1)
        elif "odd_lab" in fixtures and "mac2" not in fixtures:
            item.add_marker(pytest.mark.odd)


@pytest.fixture(scope="session")
def demo_project(tmp_path_factory):
    """The folder of the demo's templates and code; read it only."""
    return write_project(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture(scope="session")
def mac1(lab: Lab) -> Mac:
    return Mac(lab.settings, lab.hosts["mac1"])


@pytest.fixture(scope="session")
def mac2(lab: Lab) -> Mac:
    return Mac(lab.settings, lab.hosts["mac2"])


@pytest.fixture(scope="session")
def nautilus(lab: Lab) -> Project:
    """Drydock itself, whose stack is Nautilus."""
    return Project(ROOT, ROOT / "lab/inventory.py", lab.environment)


@pytest.fixture(scope="session")
def first_report(tmp_path_factory) -> Path:
    """Where the report of the one deployment of Nautilus is, whatever is reported later."""
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="session")
def nautilus_on_mac1(nautilus: Project, mac1: Mac, first_report: Path) -> Iterator[Run]:
    """The one deployment of Nautilus, from nothing."""
    mac1.remove_stack("nautilus")
    run = nautilus.deploy(hosts="mac1")
    shutil.copytree(nautilus.folder / "reports/mac1", first_report, dirs_exist_ok=True)
    yield run
    # Sixteen health checks take time that those who come after can use.
    mac1.remove_stack("nautilus")
