"""What tests of several parts share."""

import pytest

from tests.demo import write_project


@pytest.fixture(scope="session")
def demo_project(tmp_path_factory):
    """The folder of the demo's templates and code; read it only."""
    return write_project(tmp_path_factory.mktemp("demo"))
