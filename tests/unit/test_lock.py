"""Who holds a lock, when it may be broken, and that who changes a stack takes it."""

import ast
from pathlib import Path

import pytest

from stack.changes.lock import LockInfo, breakable, read_lock, why_broken, why_locked

SAID = {
    "lock_state": "held",
    "lock_name": "f00",
    "lock_who": "anna@bridge",
    "lock_since": "2026-11-23 12:00:00 UTC",
    "lock_purpose": "a deploy of release 0123456789ab",
}


def test_a_lock_is_told_with_owner_time_and_purpose():
    lock = read_lock(SAID)
    assert lock is not None
    assert why_locked(lock).startswith(
        "locked by anna@bridge, since 2026-11-23 12:00:00 UTC,"
        " for a deploy of release 0123456789ab; nothing was changed"
    )
    assert "lock_wait_s=60" in why_locked(lock)


def test_no_lock_is_none():
    assert read_lock({}) is None


def test_a_lock_that_nobody_could_sign_is_told_too():
    lock = read_lock({"lock_state": "dead"})
    assert lock is not None
    assert "locked by somebody unknown, since an unknown time" in why_locked(lock)
    assert "break_lock=true" in why_locked(lock)


@pytest.mark.parametrize(
    ("lock", "asked", "broken"),
    [
        (None, True, ""),
        (LockInfo("held", "f00"), True, ""),
        (LockInfo("dead", "f00"), False, ""),
        (LockInfo("dead", "f00"), True, "f00"),
        (LockInfo("dead"), True, "-"),
        (LockInfo("restarted", "f00"), False, "f00"),
    ],
)
def test_only_a_lock_without_a_living_owner_is_broken(lock, asked, broken):
    assert breakable(lock, asked) == broken


CHANGING = ("backup", "deploy", "restore", "rollback", "rotate", "vm")
BEFORE_ANY_STACK = {"size.install": "there is no daemon yet", "size.consent": "it only asks"}


def operations_of(function):
    """What a function has pyinfra do, in its order: calls with a name to show."""
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    shown = (call for call in calls if any(word.arg == "name" for word in call.keywords))
    return [ast.unparse(call.func) for call in sorted(shown, key=lambda call: call.lineno)]


@pytest.mark.parametrize("program", CHANGING)
def test_who_changes_a_stack_takes_its_lock_first(program):
    file = Path(__file__).parents[2] / f"{program}.py"
    body = ast.parse(file.read_text()).body
    made = [operations_of(node) for node in body if isinstance(node, ast.FunctionDef)]
    first = [[it for it in each if it not in BEFORE_ANY_STACK][:1] for each in made]
    assert any(first)
    assert all(each in ([], ["lock.take"]) for each in first)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("restarted", "the host was restarted since, so nothing of it still runs"),
        ("dead", "its owner is gone, and break_lock=true asked for it"),
    ],
)
def test_a_lock_that_is_broken_is_told_with_the_reason(state, why):
    lock = LockInfo(state, "f00", "anna@bridge", "noon", "a deploy")
    assert why_broken(lock) == f"broke the lock of anna@bridge, since noon, for a deploy: {why}"
