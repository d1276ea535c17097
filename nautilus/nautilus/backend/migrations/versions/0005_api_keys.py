"""Users' API keys, of which only a hash is kept."""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLE = """
CREATE TABLE backend.api_key (
    id         text        PRIMARY KEY,
    name       text        NOT NULL,
    scope      text        NOT NULL CHECK (scope IN ('read', 'write')),
    digest     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,
    revoked_at timestamptz
)
"""


def upgrade() -> None:
    """One row a key; a revoked one stays, so that its name can still be told."""
    op.execute("CREATE SCHEMA backend")
    op.execute(TABLE)
