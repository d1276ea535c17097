import pytest

from facts.pins import pins_in
from stack.errors import DrydockError
from stack.release.pins import not_pinned, read_pins, unpinned, write_pins
from stack.release.upstream import by_digest
from tests.demo import demo_inputs

DIGEST = "sha256:" + "1" * 64
PINS = {"redis:8.0": DIGEST, "python:3.13-slim-trixie": "sha256:" + "2" * 64}


def test_pins_are_read_as_they_were_written():
    text = write_pins(PINS)
    assert read_pins(text, "images.lock") == PINS
    assert text == write_pins(dict(reversed(PINS.items())))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ("[]", "must be an object"),
        ('{"redis:8.0": 1}', "redis:8.0 = 1 is no digest"),
        ('{"redis:8.0": "latest"}', "redis:8.0 = 'latest' is no digest"),
        ('{"redis:8.0": "sha256:00"}', "is no digest"),
    ],
)
def test_a_damaged_file_is_named_with_its_remedy(text, said):
    with pytest.raises(DrydockError, match=rf"^images\.lock: .*{said}.*write it anew with pin\.py"):
        read_pins(text, "images.lock")


def test_a_file_that_cannot_be_read_is_no_file_without_pins(tmp_path):
    assert pins_in(str(tmp_path / "none")) == {}
    with pytest.raises(DrydockError, match="can't be read here"):
        pins_in(str(tmp_path))


def test_what_is_not_pinned_is_told():
    stack = demo_inputs().stack
    assert unpinned(stack, {}) == ("python:3.13-slim-trixie", "redis:8.0")
    assert unpinned(stack, PINS) == ()
    said = not_pinned(unpinned(stack, {"redis:8.0": DIGEST}), "images.lock")
    assert said.startswith("python:3.13-slim-trixie: not pinned in images.lock")


def test_an_image_that_names_its_digest_needs_no_pin():
    stack = demo_inputs({"store": {"image": f"redis:8.0@{DIGEST}"}}).stack
    assert unpinned(stack, {}) == ("python:3.13-slim-trixie",)


@pytest.mark.parametrize(
    ("reference", "pulled"),
    [
        ("redis:8.0", f"redis@{DIGEST}"),
        ("redis", f"redis@{DIGEST}"),
        ("prom/prometheus:v2.53.3", f"prom/prometheus@{DIGEST}"),
        ("registry.example:5000/a/b:1", f"registry.example:5000/a/b@{DIGEST}"),
        ("registry.example:5000/b", f"registry.example:5000/b@{DIGEST}"),
        ("redis@sha256:0", "redis@sha256:0"),
    ],
)
def test_an_image_is_pulled_by_its_digest(reference, pulled):
    assert by_digest(reference, DIGEST) == pulled
