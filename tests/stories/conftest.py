import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project
from tests.stories.running_lab import Lab, lab_of_its_own

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def odd_lab() -> Iterator[Lab]:
    """Hosts with other runtimes and chips, then three with one chip; their user may become root."""
    chips = "m1,m3ultra,m5max,m1,intel,macvm,m1,m1,m1"
    runtimes = "colima,orbstack,rancher,linux"
    desktops = ",docker-desktop,docker-desktop"
    words = ("--n", "9", "--chips", chips, "--runtimes", runtimes + desktops, "--sudo")
    with lab_of_its_own("odd", *words) as running:
        yield running


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
