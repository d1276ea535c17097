"""Who holds a lock, and when it may be broken."""

import pytest

from stack.changes.lock import LockInfo, breakable, read_lock, why_locked

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
