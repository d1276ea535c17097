"""The strategy engine: how would a rule have done, and what does it say now?"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import HTTPException, Response
from pydantic import JsonValue
from typing_extensions import override

from nautilus.engines.strategy.flow import Trading
from nautilus.engines.strategy.models import BacktestRequest, Outcomes, StoredBars
from nautilus.engines.strategy.processes import Processes
from nautilus.engines.strategy.strategies import (
    Definition,
    Strategy,
    StrategyState,
    StrategyStore,
)
from nautilus.engines.strategy.sweep import bars_of, sweep
from nautilus.frame.fields import Identifier
from nautilus.frame.job_store import JobSummary
from nautilus.frame.jobs import Jobs
from nautilus.frame.router import Router
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings
from nautilus.frame.task import Task

# Jobs share the CPUs' threads: a short one goes on beside a long one.
JOBS_AT_ONCE = 4


class StrategyEngine(Service):
    """Back-tests of strategies, and their signals."""

    name = "strategy"
    counts = ("tests_completed", "signals_given")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._jobs = Jobs(self, {"backtest": self._backtest}, parallel=JOBS_AT_ONCE)

    @override
    def routes(self) -> Router:
        router = Router()
        strategies = Router(prefix="/strategies", tags=["strategies"])
        strategies.get("")(self.strategies)
        strategies.post("", status_code=201)(self.create)
        strategies.get("/{strategy_id}")(self.strategy)
        strategies.post("/{strategy_id}/deploy")(self.deploy)
        strategies.post("/{strategy_id}/start")(self.start_trading)
        strategies.post("/{strategy_id}/stop")(self.stop_trading)
        router.include_router(strategies)
        router.post("/backtests", status_code=202, tags=["backtests"])(self.backtest)
        router.get("/backtests", tags=["backtests"])(self.backtests)
        router.include_router(self._jobs.routes())
        return router

    @override
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._processes = Processes()
        try:
            async with super().running():
                yield
        finally:
            # Last: no job may take it for its own failure.
            self._processes.stop()

    @override
    async def start(self) -> None:
        self._jobs.start()
        if self.leads and set(self.stores.needed) == {"redis", "postgres"}:
            self.background.start("flow", self._trade)

    @property
    def _store(self) -> StrategyStore:
        return StrategyStore(self.stores.postgres)

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        if "postgres" not in self.stores.needed:
            return {"strategies_deployed": None, "active_strategies": None}
        deployed, running = await self._store.counts()
        return {"strategies_deployed": deployed, "active_strategies": running}

    async def strategies(self) -> list[Strategy]:
        """Every strategy, by id."""
        return await self._store.all()

    async def create(self, definition: Definition) -> Strategy:
        """Keep a new strategy; it does nothing yet."""
        strategy = await self._store.add(definition)
        if strategy is None:
            raise HTTPException(409, f"there is a strategy {definition.id} already")
        return strategy

    async def strategy(self, strategy_id: Identifier) -> Strategy:
        """One strategy and its state."""
        found = await self._store.get(strategy_id)
        if found is None:
            raise HTTPException(404, f"no strategy {strategy_id}")
        return found

    async def deploy(self, strategy_id: Identifier) -> Strategy:
        """Make a strategy ready to start; one that is ready stays as it is."""
        return await self._move(strategy_id, StrategyState.CREATED, StrategyState.DEPLOYED)

    async def start_trading(self, strategy_id: Identifier) -> Strategy:
        """Let a deployed strategy give signals."""
        return await self._move(strategy_id, StrategyState.DEPLOYED, StrategyState.RUNNING)

    async def stop_trading(self, strategy_id: Identifier) -> Strategy:
        """Let a strategy give no more signals; it stays deployed, and keeps what it holds."""
        return await self._move(strategy_id, StrategyState.RUNNING, StrategyState.DEPLOYED)

    async def _move(self, strategy_id: str, since: StrategyState, to: StrategyState) -> Strategy:
        moved = await self._store.move(strategy_id, since, to)
        if moved is not None:
            return moved
        strategy = await self.strategy(strategy_id)
        # Said twice, it holds: a client that lost the answer may ask again.
        if strategy.state is StrategyState.CREATED and to is not StrategyState.CREATED:
            raise HTTPException(409, f"{strategy_id} is not deployed: deploy it first")
        return strategy

    async def backtest(self, request: BacktestRequest, response: Response) -> JobSummary:
        """Accept a back-test; GET /jobs/{id} tells of it, and its result is an `Outcomes`."""
        return await self._jobs.submit("backtest", request, response)

    async def backtests(self) -> list[JobSummary]:
        """The last back-tests, the newest first."""
        return await self._jobs.recent()

    async def _trade(self) -> None:
        stores = self.stores
        await Trading(
            stores.redis, stores.postgres, lambda: self.shared.add("signals_given")
        ).follow()

    async def _backtest(self, task: Task) -> Outcomes:
        request = await task.read(BacktestRequest)
        bars = request.bars
        if isinstance(bars, StoredBars):
            bars = await bars_of(self.stores.postgres, bars)
        outcomes = await sweep(request, bars, task, self.compute, self._processes)
        self.shared.add("tests_completed", len(outcomes.outcomes))
        return outcomes
