"""What a swarm's node builds: its manager's images, and nothing that only containers need."""

from types import SimpleNamespace

import pytest

from facts.swarm_images import images_on
from stack.changes.observed import Observed
from stack.errors import DrydockError
from stack.swarm.placement import Node
from tests.demo import UPSTREAM, demo_host, demo_inputs, demo_release, write_project

SHOWN = {"risk": {"host_directories": {"monitor": "/srv/monitor"}}}
TEMPLATE = "alias {{ service.host_directories.monitor }}/metrics.prom;\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    write_project(tmp_path)
    (tmp_path / "templates/app.conf.j2").write_text(TEMPLATE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def look(host=None):
    return SimpleNamespace(
        name="mac2",
        inputs=demo_inputs(SHOWN),
        detected=host or demo_host(),
        observed=Observed({}, {}, UPSTREAM, ()),
    )


def plan_of(project):
    release = demo_release(project, SHOWN)
    return SimpleNamespace(stack=release.stack, release=release, manager=Node("mac1", 4, 2**33))


def test_a_template_may_ask_for_what_only_a_container_gets(project):
    plan = plan_of(project)
    release, changes = images_on(plan, look())
    assert release.images["risk"].digest == plan.release.images["risk"].digest
    assert [(it.action, it.subject) for it in changes.all] == [
        ("write", "release"), ("build", "py-base"), ("build", "store"), ("build", "risk"),
        ("build", "page"),
    ]  # fmt: skip


def test_neither_secret_nor_directory_is_made_on_a_node(project):
    release, _ = images_on(plan_of(project), look())
    assert release.secrets() == set()
    assert release.host_directories() == set()


def test_nodes_that_would_build_different_images_are_refused(project):
    plan = plan_of(project)
    (project / "templates/app.conf.j2").write_text(f"# another\n{TEMPLATE}")
    with pytest.raises(DrydockError, match=r"mac2 and mac1 would build different images of risk"):
        images_on(plan, look())
