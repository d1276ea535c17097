"""Counting over several processes."""

import os

from nautilus.frame.shared import Shared


def test_every_worker_sees_what_all_of_them_counted() -> None:
    shared = Shared(("orders", "fills"))
    for row in range(3):
        pid = os.fork()
        if pid == 0:
            shared.row = row
            for _ in range(1000):
                shared.add("orders")
            shared.add("fills", row)
            os._exit(0)
        os.waitpid(pid, 0)
    assert shared.totals(["orders", "fills"]) == {"orders": 3000, "fills": 3}


def test_a_notice_reaches_the_other_workers() -> None:
    shared = Shared(())
    pid = os.fork()
    if pid == 0:
        shared.post_notice("intake died: " + "é" * 400)
        os._exit(0)
    os.waitpid(pid, 0)
    assert shared.notice.startswith("intake died: é")
