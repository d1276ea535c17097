"""The database's schema and roles, brought to this release's by whichever backend starts first."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from nautilus.backend.roles import grant, passwords

log = logging.getLogger(__name__)

# Any number that all backends share.
LOCK = 8_001


async def prepare(owner: AsyncEngine, roles_directory: Path | None) -> None:
    """Bring the schema, then the roles, to this release's, all or nothing.

    A newer schema is left as it is: see migrations/__init__.py.
    """
    async with owner.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await connection.run_sync(upgrade)
        if roles_directory is not None:
            await connection.run_sync(grant, passwords(roles_directory))


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that this database has not seen."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if not found <= known:
        log.warning("the schema is newer than this release: %s", ", ".join(sorted(found - known)))
        return
    command.upgrade(config, revision)
