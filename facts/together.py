"""Questions to a host that are asked at the same time."""

from collections.abc import Callable
from typing import Any

import gevent
from pyinfra.context import ctx_config


def together(*questions: Callable[[], Any]) -> list[Any]:
    """Answers in the order of the questions; the first error is raised when all have ended.

    For a few at once: each takes a session, and sshd allows ten a connection (MaxSessions).
    """
    config = ctx_config.get()  # type: ignore[no-untyped-call]

    def ask(question: Callable[[], Any]) -> tuple[Any, Exception | None]:
        # pyinfra keeps what the deploy set in `config` for each greenlet apart.
        with ctx_config.use(config):
            try:
                return question(), None
            except Exception as error:
                # Carried over, since gevent prints the traceback of what ends a greenlet.
                return None, error

    asked = [gevent.spawn(ask, question) for question in questions]
    gevent.joinall(asked)
    ended = [it.get() for it in asked]
    for _, error in ended:
        if error:
            raise error
    return [answer for answer, _ in ended]
