import json

import pytest

from stack.changes.change import DONE_BY, Change, Changes


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            Change("update", "risk", "memory", "2 GiB", "3 GiB"),
            "risk: memory 2 GiB → 3 GiB, applied live",
        ),
        (
            Change("build", "ml", "image", reason="its Dockerfile changed", also="recreate"),
            "ml: image, its Dockerfile changed: rebuild, recreate",
        ),
        (
            Change("recreate", "risk", "environment A", None, "1"),
            "risk: environment A none → 1: recreate",
        ),
        (Change("recreate", "risk", "user", "1000", None), "risk: user 1000 → none: recreate"),
        (
            Change("create", "risk", "container", reason="not on this host yet"),
            "risk: container, not on this host yet: create",
        ),
        (
            Change("build", "risk", "image", reason="not on this host yet", also="create"),
            "risk: image, not on this host yet: build, create",
        ),
        (
            Change("write", "release", "files", None, "0123456789ab", "9 files"),
            "release: files none → 0123456789ab, 9 files: written",
        ),
        (
            Change("start", "risk", "state", "exited, exit status 137", "running"),
            "risk: state exited, exit status 137 → running: start",
        ),
    ],
)
def test_a_change_is_a_sentence(change, sentence):
    assert change.sentence == sentence


def test_every_action_has_its_words():
    sentences = {Change(action, "risk", "memory").sentence for action in DONE_BY}
    assert len(sentences) == len(DONE_BY)


def test_a_change_is_data_for_a_program():
    change = Change("build", "ml", "image", reason="its code changed", also="recreate")
    data = json.loads(json.dumps(change.as_json("mac1")))
    assert data == {
        "host": "mac1",
        "action": "build",
        "subject": "ml",
        "field": "image",
        "old": None,
        "new": None,
        "reason": "its code changed",
        "also": "recreate",
        "sentence": "ml: image, its code changed: rebuild, recreate",
    }


BOTH = Changes(
    (
        Change("build", "ml", "image", also="recreate"),
        Change("recreate", "risk", "environment A"),
        Change("recreate", "risk", "environment B"),
        Change("update", "page", "memory"),
    )
)


def test_subjects_come_once_and_in_order():
    assert BOTH.subjects("recreate") == ("ml", "risk")
    assert BOTH.subjects("update", "build") == ("ml", "page")
    assert BOTH.subjects("remove") == ()


def test_what_follows_from_a_change_counts_too():
    assert BOTH.of("recreate") == BOTH.all[:3]


def test_no_changes_are_false():
    assert not Changes(())
    assert BOTH
