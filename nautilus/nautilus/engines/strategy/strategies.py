"""Strategies as they are kept: what trades what, by which rule, and whether it does."""

from enum import StrEnum
from typing import Annotated

import asyncpg
from pydantic import BaseModel, Field
from pydantic_core import from_json

from nautilus.engines.strategy.models import Size
from nautilus.engines.strategy.rules import Rule
from nautilus.frame.fields import Identifier, Symbol


class StrategyState(StrEnum):
    """How far a strategy is; a running one is deployed, too."""

    CREATED = "created"
    DEPLOYED = "deployed"
    RUNNING = "running"


class Definition(BaseModel):
    """A rule applied to some instruments, each on its own, for one portfolio."""

    id: Identifier
    portfolio: Identifier
    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=500)]
    rule: Rule
    quantity: Size
    """Of a position."""


class Strategy(Definition):
    """A definition and where it stands."""

    state: StrategyState


class StrategyStore:
    """All strategies. Raises what asyncpg raises."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, definition: Definition) -> Strategy | None:
        """Keep a new strategy; None where its id is taken."""
        row = await self._pool.fetchrow(
            """INSERT INTO strategy.strategy (id, portfolio, symbols, rule, quantity)
            VALUES ($1, $2, $3, $4::jsonb, $5) ON CONFLICT DO NOTHING RETURNING *""",
            definition.id,
            definition.portfolio,
            list(dict.fromkeys(definition.symbols)),
            definition.rule.model_dump_json(),
            definition.quantity,
        )
        return None if row is None else _strategy(row)

    async def get(self, strategy_id: str) -> Strategy | None:
        """One strategy."""
        row = await self._pool.fetchrow(
            "SELECT * FROM strategy.strategy WHERE id = $1", strategy_id
        )
        return None if row is None else _strategy(row)

    async def all(self, state: StrategyState | None = None) -> list[Strategy]:
        """Every strategy, or those of a state, by id."""
        rows = await self._pool.fetch(
            """SELECT * FROM strategy.strategy
            WHERE $1::text IS NULL OR state = $1 ORDER BY id""",
            state,
        )
        return [_strategy(row) for row in rows]

    async def move(
        self, strategy_id: str, since: StrategyState, to: StrategyState
    ) -> Strategy | None:
        """Change a strategy's state; None where it is not in the one to change."""
        row = await self._pool.fetchrow(
            """UPDATE strategy.strategy SET state = $3
            WHERE id = $1 AND state = $2 RETURNING *""",
            strategy_id,
            since,
            to,
        )
        return None if row is None else _strategy(row)

    async def counts(self) -> tuple[int, int]:
        """How many are deployed, and how many of those are running."""
        (row,) = await self._pool.fetch(
            """SELECT count(*) FILTER (WHERE state <> 'created') AS deployed,
            count(*) FILTER (WHERE state = 'running') AS running FROM strategy.strategy"""
        )
        return row["deployed"], row["running"]


def _strategy(row: asyncpg.Record) -> Strategy:
    fields = dict(row)
    return Strategy.model_validate({**fields, "rule": from_json(fields["rule"])})
