"""Strategies."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLE = """
CREATE TABLE strategy.strategy (
    id        text    PRIMARY KEY,
    portfolio text    NOT NULL,
    symbols   text[]  NOT NULL,
    rule      jsonb   NOT NULL,
    quantity  integer NOT NULL CHECK (quantity > 0),
    state     text    NOT NULL DEFAULT 'created'
        CHECK (state IN ('created', 'deployed', 'running'))
)
"""


def upgrade() -> None:
    """What trades what, by which rule."""
    op.execute("CREATE SCHEMA strategy")
    op.execute(TABLE)
