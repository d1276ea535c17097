"""Alembic's entry: it runs on the connection that `nautilus.backend.schema` hands over."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    version_table_schema="public",
)
context.run_migrations()
