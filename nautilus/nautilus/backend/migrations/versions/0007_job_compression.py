"""Jobs' requests and results compressed by lz4."""

from alembic import op

revision = "0007"
down_revision = "0006"

# What is stored already stays as it is, and is read like before. A Postgres built without lz4 goes
# on with its own method, which takes several times as long for a request of thousands of bars.
STATEMENT = """
DO $$ BEGIN
    IF EXISTS (
        SELECT FROM pg_settings
        WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
    ) THEN
        ALTER TABLE jobs.job
            ALTER request SET COMPRESSION lz4, ALTER result SET COMPRESSION lz4;
    END IF;
END $$
"""


def upgrade() -> None:
    """A job's request is on the way of its caller."""
    op.execute(STATEMENT)
