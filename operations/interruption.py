"""Ctrl-C ends a run at once, with the exit status that shells know it by."""

import signal
import sys

from gevent.event import Event
from pyinfra import logger
from pyinfra.api.host import Host
from pyinfra.context import state

INTERRUPTED = 128 + signal.SIGINT
_last_words: dict[Host, str] = {}
_status = [INTERRUPTED]
interrupted = Event()
"""Set once Ctrl-C ends this run."""


def end_on_interrupt() -> None:
    """From now on Ctrl-C ends this run.

    Left to itself, pyinfra ends with 0, as if all had been done; and it disconnects in the pool in
    which the hosts are worked on, where there is no room for that before the work has ended.
    """
    signal.signal(signal.SIGINT, lambda *_: _end())


def say_on_interrupt(host: Host, words: str) -> None:
    """What to tell of a host when Ctrl-C ends the run."""
    _last_words[host] = words


def end_well_on_interrupt() -> None:
    """From now on Ctrl-C is how this run ends when all is well."""
    _status[0] = 0


def end_whole() -> None:
    """From now on Ctrl-C is too late for this run: its last word is about to be said."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end() -> None:
    interrupted.set()
    for host, words in _last_words.items():
        host.log_styled(words, fg="red", log_func=logger.error)
    state.pool.kill(block=False)
    sys.exit(_status[0])
