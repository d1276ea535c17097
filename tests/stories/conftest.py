import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project, Run
from tests.stories.running_lab import Lab, lab_of_its_own, running_lab

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture(scope="session")
def odd_lab() -> Iterator[Lab]:
    """Hosts with other runtimes and chips, whose user may become root."""
    chips, runtimes = "m1,m3ultra,m5max,m1,intel,macvm", "colima,orbstack,rancher,linux"
    desktops = ",docker-desktop,docker-desktop"
    words = ("--n", "6", "--chips", chips, "--runtimes", runtimes + desktops, "--sudo")
    with lab_of_its_own("odd", 2, *words) as running:
        yield running


@pytest.fixture(scope="session")
def mac1(lab: Lab) -> Mac:
    return Mac(lab.settings, lab.hosts["mac1"])


@pytest.fixture(scope="session")
def mac2(lab: Lab) -> Mac:
    return Mac(lab.settings, lab.hosts["mac2"])


@pytest.fixture
def harbour(lab: Lab, tmp_path: Path) -> Project:
    """The small stack's project: a copy of one's own, to change."""
    folder = shutil.copytree(HERE / "small", tmp_path / "harbour")
    return Project(folder, ROOT / "lab/inventory.py", lab.environment)


@pytest.fixture(scope="session")
def _harbour_goes(mac2: Mac) -> Iterator[None]:
    mac2.remove_stack("harbour")
    yield
    mac2.remove_stack("harbour")


@pytest.fixture
def running(_harbour_goes: None, harbour: Project) -> Project:
    """The small stack's project, deployed to mac2; what another test left is healed."""
    harbour.deploy(hosts="mac2")
    return harbour


@pytest.fixture(scope="session")
def nautilus(lab: Lab) -> Project:
    """Drydock itself, whose stack is Nautilus."""
    return Project(ROOT, ROOT / "lab/inventory.py", lab.environment)


@pytest.fixture(scope="session")
def nautilus_on_mac1(nautilus: Project, mac1: Mac) -> Run:
    """The one deployment of Nautilus, from nothing."""
    mac1.remove_stack("nautilus")
    return nautilus.deploy(hosts="mac1")
