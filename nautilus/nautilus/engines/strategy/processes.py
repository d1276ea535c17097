"""Processes for back-tests: nautilus_trader holds the interpreter's lock while it computes.

The libraries are loaded once, in a server that the processes are forked from, and only when there
is something to test: an idle engine does without them. A process tests once at a time and stays for
a while, since a new one takes longer over its first test: it copies the memory that it writes to.
"""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from threading import Thread

from pydantic_core import to_json

from nautilus.engines.strategy.models import Columns, Outcome, Terms
from nautilus.engines.strategy.rules import Rule

Progress = Callable[[int], bool]
"""Takes the bars that are done; returns whether to go on."""

IDLE_S = 60.0
"""How long a process waits for another test."""
MOST_TESTS = 100
"""Of one process: what a library never frees is freed with it."""

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["nautilus.engines.strategy.backtest"])


class ProcessDiedError(RuntimeError):
    """A back-test's process was ended from outside, as by the kernel when memory is short."""


class BacktestError(ValueError):
    """nautilus_trader refused a back-test."""


@dataclass(frozen=True, eq=False)
class Tester:
    """A process, and the engine's end of what is said between them."""

    process: ForkServerProcess
    connection: Connection

    @property
    def is_ready(self) -> bool:
        """Whether it waits for a test; one that has ended says so by its end of the connection."""
        return not self.connection.poll()


class Processes:
    """The back-tests that run; as many at once as threads call `run`."""

    def __init__(self, idle_s: float = IDLE_S, most_tests: int = MOST_TESTS) -> None:
        self._idle_s = idle_s
        self._most_tests = most_tests
        self._running: set[Tester] = set()
        self._idle: list[Tester] = []
        self._stopped = False

    def run(self, rule: Rule, bars: Columns, terms: Terms, progress: Progress) -> Outcome:
        """Back-test in a process, and wait for it.

        Raises BacktestError, and ProcessDiedError when the process is ended: from outside, by
        `stop`, or because `progress` said so.
        """
        tester = self._tester()
        self._running.add(tester)
        try:
            if self._stopped:
                tester.process.kill()
            tester.connection.send((rule, bars, terms))
            outcome = _outcome(tester, progress)
        except (EOFError, OSError):
            tester.process.join()
            code = tester.process.exitcode
            raise ProcessDiedError(f"a back-test's process died: {code}") from None
        else:
            self._idle.append(tester)
            return outcome
        finally:
            self._running.discard(tester)

    def stop(self) -> None:
        """End all that run, and all that would."""
        self._stopped = True
        for tester in (*self._running, *self._idle):
            tester.process.kill()

    def _tester(self) -> Tester:
        while self._idle:
            try:
                tester = self._idle.pop()
            except IndexError:
                # Another thread was faster.
                break
            if tester.is_ready:
                return tester
            tester.connection.close()
        ours, its = _CONTEXT.Pipe()
        with its:
            arguments = its, self._idle_s, self._most_tests
            process = _CONTEXT.Process(target=_work, args=arguments, daemon=True)
            process.start()
        return Tester(process, ours)


def _outcome(tester: Tester, progress: Progress) -> Outcome:
    while True:
        match tester.connection.recv():
            case bytes(outcome):
                return Outcome.model_validate_json(outcome)
            case int(done):
                if not progress(done):
                    tester.process.kill()
            case error:
                raise BacktestError(str(error))


def _work(connection: Connection, idle_s: float, most_tests: int) -> None:
    Thread(target=_end_with_the_engine, daemon=True).start()
    from nautilus.engines.strategy.backtest import backtest  # noqa: PLC0415

    with connection:
        for _ in range(most_tests):
            if not connection.poll(idle_s):
                return
            rule, bars, terms = connection.recv()
            try:
                outcome = backtest(rule, bars, terms, connection.send)
                # Read faster than what is pickled, an object for each of its points.
                connection.send(to_json(outcome, inf_nan_mode="constants"))
            except Exception as error:
                # It may not be one that can be sent.
                connection.send(f"{type(error).__name__}: {error}")
                raise


def _end_with_the_engine() -> None:
    engine = multiprocessing.parent_process()
    if engine is not None:
        engine.join()
        os._exit(1)
