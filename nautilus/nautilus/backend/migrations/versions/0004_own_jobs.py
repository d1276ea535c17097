"""Each engine sees its own jobs, the backend all of them; the owner is above the rule."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """A role is named as its service."""
    op.execute("ALTER TABLE jobs.job ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY own ON jobs.job USING (current_user::text IN (engine, 'backend'))")
