"""Marketdata's archived days."""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLE = """
CREATE TABLE marketdata.segments (
    symbol      text        NOT NULL,
    day         date        NOT NULL,
    ticks       bigint      NOT NULL,
    size_bytes  bigint      NOT NULL,
    archived_at timestamptz NOT NULL,
    -- Whether the ticks are in the file alone.
    pruned      boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (symbol, day)
)
"""


def upgrade() -> None:
    """One row an instrument and day whose ticks are in a file."""
    op.execute(TABLE)
