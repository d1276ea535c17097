import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stack.errors import DrydockError
from stack.release.templates import as_yaml, render

PRINTABLE = st.text(st.characters(exclude_categories=("Cs",)))


@pytest.fixture
def template(tmp_path):
    """Write a template of the project's own and render it."""

    def written(text, **values):
        path = tmp_path / "templates" / "a.conf.j2"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return render(tmp_path, "a.conf.j2", **values)

    return written


def test_a_projects_own_template_comes_before_drydocks(tmp_path):
    own = tmp_path / "own" / "templates" / "redis" / "redis.conf.j2"
    own.parent.mkdir(parents=True)
    own.write_text("bind {{ address }}\n")
    assert "appendonly yes" in render(tmp_path / "none", "redis/redis.conf.j2")
    assert render(tmp_path / "own", "redis/redis.conf.j2", address="::1") == "bind ::1\n"


def test_values_are_not_escaped_for_html(template):
    assert template("{{ it }}\n", it="<a & 'b'>") == "<a & 'b'>\n"


def test_memory_is_written_for_people(template):
    assert template("{{ it | memory }}", it=3 * 2**30) == "3 GiB"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\n{{ missing }}\n", "line 2: doesn't render: 'missing' is undefined"),
        ("{{ it.missing }}", "line 1: doesn't render: 'dict object' has no attribute 'missing'"),
        ("a\nb\n{% if %}", "line 3: doesn't render: Expected an expression"),
        ("{% for x in it %}", "doesn't render: Unexpected end of template"),
        ("{{ it | nosuch }}", "line 1: doesn't render: No filter named 'nosuch'"),
        ("a\n{{ 1 / 0 }}", "line 2: doesn't render: division by zero"),
        ("a\n\n{{ it | memory }}", "line 3: doesn't render: '>=' not supported between"),
        ("{{ it.x() }}", "doesn't render"),
        ("{{ [].pop() }}", "line 1: doesn't render: access to attribute 'pop'"),
        (b"caf\xe9\n", "doesn't render: 'utf-8' codec can't decode"),
    ],
)
def test_a_template_that_does_not_render_is_named_with_its_line(template, text, said):
    with pytest.raises(DrydockError) as caught:
        template(text, it={})
    message = str(caught.value)
    assert message.startswith("templates/a.conf.j2")
    assert said in message
    assert message.endswith("mend the template, or give the value in the stack's data")


def test_a_template_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DrydockError, match=r"templates/none\.j2: .*not found"):
        render(tmp_path, "none.j2")


@given(PRINTABLE)
def test_text_stays_text_in_yaml_and_in_compose(text):
    assert yaml.safe_load(as_yaml(text)) == text.replace("$", "$$")


@given(st.lists(PRINTABLE))
def test_lists_stay_lists_in_yaml(items):
    assert json.loads(as_yaml(items)) == [item.replace("$", "$$") for item in items]
