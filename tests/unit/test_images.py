import json

import pytest

from stack.errors import DrydockError
from stack.release.digest import SHORT
from stack.release.images import make_images, read_context, upstream_references
from tests.demo import UPSTREAM, demo_inputs, write_project


@pytest.fixture
def project(tmp_path):
    return write_project(tmp_path)


def images(project, overrides=None, architecture="aarch64", upstream=UPSTREAM, tag="m4max"):
    stack = demo_inputs(overrides).stack
    return make_images(stack, tag, architecture, upstream, project)


def changed(before, after):
    return {name for name in before if before[name].digest != after[name].digest}


def test_shared_images_come_before_those_that_build_on_them(project):
    assert list(images(project)) == ["py-base", "store", "risk", "page"]


def test_an_image_is_called_by_its_stack_service_and_chip(project):
    risk = images(project, tag="m3ultra")["risk"]
    assert risk.reference == "demo-risk:m3ultra"
    assert risk.pinned_reference == f"demo-risk:{risk.digest[:SHORT]}"


def test_a_dockerfile_names_its_shared_image_by_content(project):
    made = images(project)
    first_line = made["risk"].files["Dockerfile"].decode().splitlines()[0]
    assert first_line == f"FROM {made['py-base'].pinned_reference}"


def test_a_build_context_holds_the_code_and_what_is_rendered(project):
    files = images(project)["risk"].files
    assert set(files) == {"Dockerfile", "code/main.py", "code/deep/part.py", "app.conf"}
    assert files["app.conf"] == b"level = 3\nport = 8200\n"


def test_an_image_that_is_run_as_it_is_still_gets_a_name_of_ours(project):
    store = images(project)["store"]
    assert store.files["Dockerfile"].decode().splitlines()[-1] == "FROM redis:8.0"
    assert store.upstream == {"redis:8.0": UPSTREAM["redis:8.0"]}


def test_the_same_content_has_the_same_digest(project):
    assert not changed(images(project), images(project))


def test_the_tag_is_no_part_of_the_content(project):
    assert not changed(images(project, tag="m1"), images(project, tag="m4max"))


def test_a_file_changes_the_images_that_hold_it(project):
    before = images(project)
    (project / "code" / "main.py").write_text("print('other')\n")
    assert changed(before, images(project)) == {"risk", "page"}


def test_an_argument_changes_its_own_image(project):
    other = {"risk": {"build": {"arguments": {"level": 4}}}}
    assert changed(images(project), images(project, other)) == {"risk"}


def test_a_shared_image_changes_all_that_build_on_it(project):
    before = images(project)
    template = project / "templates" / "images" / "py-base.Dockerfile.j2"
    template.write_text("FROM {{ bases.python }}\nENV A=1\n")
    assert changed(before, images(project)) == {"py-base", "risk", "page"}


def test_a_newer_upstream_image_changes_what_is_built_on_it(project):
    newer = {**UPSTREAM, "redis:8.0": "sha256:" + "c" * 64}
    assert changed(images(project), images(project, upstream=newer)) == {"store"}


def test_another_architecture_changes_everything(project):
    before = images(project)
    assert changed(before, images(project, architecture="x86_64")) == set(before)


def test_what_runs_it_is_no_part_of_an_image(project):
    other = {"risk": {"memory": "3 GiB", "cpuset": "2", "workers": 7, "environment": {"A": "1"}}}
    assert not changed(images(project), images(project, other))


def test_labels_say_what_an_image_is_made_of(project):
    risk = images(project)["risk"]
    assert risk.labels["dev.drydock.stack"] == "demo"
    assert risk.labels["dev.drydock.image"] == risk.digest
    parts = json.loads(risk.labels["dev.drydock.parts"])
    assert set(parts) == {
        "Dockerfile", "app.conf", "architecture", "base demo-py-base", "code", "code/deep",
    }  # fmt: skip
    store = images(project)["store"]
    assert json.loads(store.labels["dev.drydock.upstream"]) == store.upstream


def test_upstream_images_are_named_once():
    assert upstream_references(demo_inputs().stack) == tuple(sorted(UPSTREAM))


def test_what_tools_leave_behind_is_no_part_of_a_build_context(project):
    before = read_context(project, ("code",))
    for name in ("__pycache__/a.pyc", "node_modules/a/index.js", ".DS_Store", "deep/.DS_Store"):
        path = project / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("left behind")
    assert read_context(project, ("code",)) == before


def test_a_context_that_the_project_lacks_is_drydocks_own(project):
    assert list(read_context(project, ("LICENSE",))) == ["LICENSE"]


def test_a_context_without_a_file_is_an_error(project):
    with pytest.raises(DrydockError, match=r"build context 'nothing/\*' matches no file below"):
        read_context(project, ("code", "nothing/*"))


@pytest.mark.parametrize("pattern", ["", "/etc/hosts", "../code", "code/../../x", "code/.."])
def test_a_context_outside_the_project_is_an_error(project, pattern):
    (project.parent / "code").mkdir(exist_ok=True)
    (project.parent / "code" / "a").touch()
    with pytest.raises(DrydockError, match=r"build context .* must be below"):
        read_context(project, (pattern,))


@pytest.mark.parametrize("path", ["", "/etc/cron.d/x", "../x", "a/../../x"])
def test_a_rendered_file_outside_the_context_is_an_error(project, path):
    with pytest.raises(DrydockError, match=r"build\.rendered: .*(relative|plain) path"):
        images(project, {"risk": {"build": {"rendered": {path: "app.conf.j2"}}}})
