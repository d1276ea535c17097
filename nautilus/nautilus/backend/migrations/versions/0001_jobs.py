"""Jobs of the engines."""

from alembic import op

revision = "0001"
down_revision = None

TABLE = """
CREATE TABLE jobs.job (
    id          uuid             PRIMARY KEY DEFAULT gen_random_uuid(),
    engine      text             NOT NULL,
    kind        text             NOT NULL,
    state       text             NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    request     jsonb            NOT NULL,
    result      jsonb,
    error       text,
    progress    double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 1),
    note        text             NOT NULL DEFAULT '',
    attempts    integer          NOT NULL DEFAULT 0,
    worker      text,
    lease_until timestamptz,
    created_at  timestamptz      NOT NULL DEFAULT now(),
    started_at  timestamptz,
    finished_at timestamptz
)
"""


def upgrade() -> None:
    """One table for all engines: each sees its own rows alone."""
    op.execute("CREATE SCHEMA jobs")
    op.execute(TABLE)
    op.execute(
        "CREATE INDEX job_open ON jobs.job (engine, created_at)"
        " WHERE state IN ('queued', 'running')"
    )
    op.execute("CREATE INDEX job_recent ON jobs.job (created_at)")
