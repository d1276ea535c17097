"""The database's schema, step by step; Alembic runs what a database has not seen yet.

A step only adds what the former release can live with: it still runs while the new one starts, and
a rollback brings it back to the newer schema. What nobody uses any more goes one release later.
"""
