"""A process for each back-test: nautilus_trader holds the interpreter's lock while it computes.

The libraries are loaded once, in a server that the processes are forked from, and only when there
is something to test: an idle engine does without them.
"""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from threading import Thread

from nautilus.engines.strategy.models import Bars, Outcome, Terms
from nautilus.engines.strategy.rules import Rule

Progress = Callable[[int], bool]
"""Takes the bars that are done; returns whether to go on."""

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["nautilus.engines.strategy.backtest"])


class ProcessDiedError(RuntimeError):
    """A back-test's process was ended from outside, as by the kernel when memory is short."""


class BacktestError(ValueError):
    """nautilus_trader refused a back-test."""


class Processes:
    """The back-tests that run; as many at once as threads call `run`."""

    def __init__(self) -> None:
        self._running: set[ForkServerProcess] = set()
        self._stopped = False

    def run(self, rule: Rule, bars: Bars, terms: Terms, progress: Progress) -> Outcome:
        """Back-test in a new process, and wait for it.

        Raises BacktestError, and ProcessDiedError when the process is ended: from outside, by
        `stop`, or because `progress` said so.
        """
        receiver, sender = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=_work, args=(sender, rule, bars, terms), daemon=True)
        with receiver:
            with sender:
                process.start()
            self._running.add(process)
            try:
                if self._stopped:
                    process.kill()
                return _result(receiver, process, progress)
            except EOFError:
                process.join()
                raise ProcessDiedError(f"a back-test's process died: {process.exitcode}") from None
            finally:
                self._running.discard(process)
                process.join()

    def stop(self) -> None:
        """End all that run, and all that would."""
        self._stopped = True
        for process in tuple(self._running):
            process.kill()


def _result(receiver: Connection, process: ForkServerProcess, progress: Progress) -> Outcome:
    while True:
        match receiver.recv():
            case Outcome() as outcome:
                return outcome
            case int(done):
                if not progress(done):
                    process.kill()
            case error:
                raise BacktestError(str(error))


def _work(sender: Connection, rule: Rule, bars: Bars, terms: Terms) -> None:
    Thread(target=_end_with_the_engine, daemon=True).start()
    with sender:
        try:
            from nautilus.engines.strategy.backtest import backtest  # noqa: PLC0415

            sender.send(backtest(rule, bars, terms, sender.send))
        except Exception as error:
            # It may not be one that can be sent.
            sender.send(f"{type(error).__name__}: {error}")
            raise


def _end_with_the_engine() -> None:
    engine = multiprocessing.parent_process()
    if engine is not None:
        engine.join()
        os._exit(1)
