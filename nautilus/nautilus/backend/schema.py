"""The database's schema, brought to this release's by whichever backend starts first."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

# Any number that all backends share.
LOCK = 8_001


async def upgrade(engine: AsyncEngine) -> None:
    """Bring the schema to this release's, all or nothing; a newer schema is left as it is."""
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if not found <= known:
        # A release was rolled back, and a schema only ever grows: see migrations/__init__.py.
        log.warning("the schema is newer than this release: %s", ", ".join(sorted(found - known)))
        return
    command.upgrade(config, "head")
