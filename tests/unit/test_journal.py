import json

from stack.changes.change import Change
from stack.changes.journal import Entry

AT = "2026-11-23T16:00:00Z"
BEGUN = Entry(
    "begun", AT, "a deploy of release 0123456789ab", release="0123456789ab", former="ba9876543210",
    who="anna@bridge", why="more memory\nfor risk",
)  # fmt: skip
CHANGE = Change("update", "risk", "memory", "2 GiB", "3 GiB")


def test_an_event_is_one_line_for_a_program():
    assert json.loads(BEGUN.as_json("1f3a")) == {
        "run": "1f3a",
        "event": "begun",
        "at": AT,
        "what": "a deploy of release 0123456789ab",
        "release": "0123456789ab",
        "former": "ba9876543210",
        "who": "anna@bridge",
        "why": "more memory\nfor risk",
    }
    step = Entry("step", AT, "building risk", "risk", "built", 12.34567)
    assert json.loads(step.as_json("1f3a"))["seconds"] == 12.346
    assert "\n" not in BEGUN.as_json("1f3a")


def test_a_change_keeps_its_parts():
    said = json.loads(Entry("change", AT, CHANGE.sentence, "risk", change=CHANGE).as_json("1f3a"))
    assert said["change"] == {
        "action": "update", "subject": "risk", "field": "memory", "old": "2 GiB", "new": "3 GiB",
        "reason": None, "also": None,
    }  # fmt: skip


def test_an_event_is_one_line_for_a_person():
    events = (
        BEGUN,
        Entry("change", AT, CHANGE.sentence, "risk", change=CHANGE),
        Entry("step", AT, "waiting for risk", "risk", "healthy", 3.21),
        Entry("interruption", AT, "risk was away", "risk", seconds=1.26),
        Entry("ended", AT, "end of release 0123456789ab", outcome="good", seconds=26.7),
    )
    assert [it.as_line("1f3a").removeprefix(f"{AT} 1f3a ") for it in events] == [
        "a deploy of release 0123456789ab, by anna@bridge, for more memory for risk",
        "  risk: memory 2 GiB → 3 GiB, applied live",
        "waiting for risk: healthy in 3.2 s",
        "risk was away for 1.3 s",
        "end of release 0123456789ab: good in 26.7 s",
    ]
