"""Postgres' roles: each service logs in with its own, and may do what it needs and no more.

A role is named as its service, and writes in the schema of that name. Those that compute with what
marketdata stores may read it; those whose work is kept as jobs have their own rows of them, and the
backend sees all.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, text

from nautilus.backend import scram
from nautilus.frame.settings import read_secret

log = logging.getLogger(__name__)

FILE_ENDING = "_database_password"
BACKEND = "backend"
MARKET = "marketdata"
READ_MARKET = frozenset({"analytics", "strategy"})
HAVE_JOBS = frozenset({"strategy"})
ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def passwords(directory: Path) -> dict[str, str]:
    """Passwords by role, from the files ROLE_database_password of a directory."""
    found = sorted(directory.glob(f"*{FILE_ENDING}"))
    return {path.name.removesuffix(FILE_ENDING): read_secret(path) or "" for path in found}


def grant(connection: Connection, roles: dict[str, str]) -> None:
    """Make the roles as they should be, whatever they were; call it in a transaction."""
    database = connection.scalar(text("SELECT current_database()"))
    schemas = connection.scalars(
        text(
            "SELECT nspname FROM pg_namespace WHERE nspname IN ('jobs', 'public')"
            " OR nspname = ANY(:roles) ORDER BY nspname"
        ),
        {"roles": list(roles)},
    ).all()
    _run(connection, f"REVOKE ALL ON DATABASE {_quoted(str(database))} FROM PUBLIC")
    _run(connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    for role, password in roles.items():
        _log_in(connection, role, password)
        for statement in _rights(role, str(database), schemas):
            _run(connection, statement)


def _log_in(connection: Connection, role: str, password: str) -> None:
    found = connection.execute(
        text("SELECT rolpassword FROM pg_authid WHERE rolname = :role"), {"role": role}
    ).one_or_none()
    if found is None:
        _run(connection, f"CREATE ROLE {_quoted(role)}")
    _run(connection, f"ALTER ROLE {_quoted(role)} {ATTRIBUTES}")
    if found is None or not scram.matches(found[0], password):
        # Base64 and figures alone, so there is nothing to escape.
        _run(connection, f"ALTER ROLE {_quoted(role)} PASSWORD '{scram.verifier(password)}'")
        log.info("role %s: password set", role)


def _rights(role: str, database: str, schemas: Sequence[str]) -> list[str]:
    who = _quoted(role)
    rights = [f"GRANT CONNECT, TEMPORARY ON DATABASE {_quoted(database)} TO {who}"]
    for schema in schemas:
        inside = f"IN SCHEMA {_quoted(schema)}"
        rights += [
            f"REVOKE ALL ON SCHEMA {_quoted(schema)} FROM {who}",
            f"REVOKE ALL ON ALL TABLES {inside} FROM {who}",
            f"REVOKE ALL ON ALL SEQUENCES {inside} FROM {who}",
        ]
        tables = _tables(role, schema)
        if tables:
            rights.append(f"GRANT USAGE ON SCHEMA {_quoted(schema)} TO {who}")
            rights.append(f"GRANT {tables} ON ALL TABLES {inside} TO {who}")
        if schema == role:
            rights.append(f"GRANT USAGE ON ALL SEQUENCES {inside} TO {who}")
    return rights


def _tables(role: str, schema: str) -> str:
    """What a role may do with a schema's tables; empty for nothing."""
    if schema == role:
        return "SELECT, INSERT, UPDATE, DELETE"
    if schema == "jobs" and role == BACKEND:
        return "SELECT, DELETE, UPDATE"
    if schema == "jobs" and role in HAVE_JOBS:
        return "SELECT, INSERT, UPDATE"
    return "SELECT" if schema == MARKET and role in READ_MARKET else ""


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
