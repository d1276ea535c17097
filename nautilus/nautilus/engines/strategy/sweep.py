"""A job of back-tests: each rule in a process of its own, as many at once as there are CPUs."""

import asyncio
import logging
from threading import Event

import asyncpg

from nautilus.engines.strategy.models import (
    BacktestRequest,
    Bars,
    Columns,
    Outcome,
    Outcomes,
    StoredBars,
    Terms,
)
from nautilus.engines.strategy.processes import ProcessDiedError, Processes, Progress
from nautilus.engines.strategy.rules import Rule
from nautilus.frame.compute import Compute
from nautilus.frame.task import JobFailedError, Task
from nautilus.market.bars import stored_bars

log = logging.getLogger(__name__)

ATTEMPTS = 3


async def sweep(
    request: BacktestRequest, bars: Bars, task: Task, compute: Compute, processes: Processes
) -> Outcomes:
    """Test every rule of a request; raises JobFailedError when one can't be tested."""
    columns = bars.columns()
    # Without the request's own bars.
    terms = Terms.model_validate(request.model_dump(include=set(Terms.model_fields)))
    done = [0] * len(request.rules)
    over = Event()

    async def test(place: int, rule: Rule) -> Outcome:
        def passed(count: int) -> bool:
            done[place] = count
            task.report(sum(done) / len(done) / len(bars.at))
            return not over.is_set()

        def run() -> Outcome:
            return _insist(processes, rule, columns, terms, passed)

        outcome = await compute.run(run)
        passed(len(bars.at))
        return outcome

    try:
        async with asyncio.TaskGroup() as group:
            tests = [group.create_task(test(*rule)) for rule in enumerate(request.rules)]
    except ExceptionGroup as failed:
        raise JobFailedError(str(failed.exceptions[0])) from failed
    finally:
        # A thread that waits for a process learns it with the next word from there.
        over.set()
    outcomes = [each.result() for each in tests]
    return Outcomes(symbol=bars.symbol, interval=bars.interval, outcomes=outcomes)


def _insist(
    processes: Processes, rule: Rule, bars: Columns, terms: Terms, passed: Progress
) -> Outcome:
    """Test in a process, and in another one when that is killed."""
    attempt = 1
    while True:
        try:
            return processes.run(rule, bars, terms, passed)
        except ProcessDiedError as error:
            if attempt == ATTEMPTS or not passed(0):
                raise
            log.warning("%s; trying again", error)
        attempt += 1


async def bars_of(pool: asyncpg.Pool, stored: StoredBars) -> Bars:
    """The bars that a request names; raises JobFailedError where there are too few."""
    found = await stored_bars(
        pool, stored.symbol, stored.interval, stored.start, stored.end, stored.limit
    )
    if len(found) < 2:
        raise JobFailedError(f"{len(found)} bars of {stored.symbol} are stored: a test needs 2")
    return Bars(
        symbol=stored.symbol,
        interval=stored.interval,
        at=[bar.at for bar in found],
        open=[bar.open for bar in found],
        high=[bar.high for bar in found],
        low=[bar.low for bar in found],
        close=[bar.close for bar in found],
    )
