"""The database's schema and roles: made once, kept true, and no more rights than needed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import numpy as np
import pytest
from fastapi.testclient import TestClient
from nautilus.backend import retention, roles, schema, scram
from nautilus.backend.schema import prepare, upgrade
from nautilus.catalogue import SERVICES, load
from nautilus.engines.analytics import curve
from nautilus.engines.marketdata import store
from nautilus.engines.marketdata.models import Tick
from nautilus.engines.marketdata.store import ingest, symbols
from nautilus.frame.job_store import JobStore
from nautilus.frame.jobs import Jobs
from nautilus.frame.settings import Settings
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.nautilus.servers import PostgresServer, eventually

Start = Callable[..., TestClient]
FORMER = Path(__file__).with_name("former_schema.sql")
FORMER_INGEST = Path(__file__).with_name("former_ingest.sql")
ROLES = ("analytics", "backend", "marketdata", "portfolio", "risk", "strategy")
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Database:
    """A database of the test's own, with its roles' passwords."""

    def __init__(self, server: PostgresServer, name: str, secrets: Path) -> None:
        self.server = server
        self.name = name
        self.secrets = secrets
        for role in ROLES:
            (secrets / f"{role}_database_password").write_text(f"{role}'s password\n")

    @property
    def url(self) -> str:
        return self.server.url.replace("/postgres", f"/{self.name}")

    def engine(self) -> AsyncEngine:
        url = self.url.replace("postgresql:", "postgresql+asyncpg:")
        return create_async_engine(url, connect_args={"password": self.server.password})

    async def prepare(self) -> None:
        engine = self.engine()
        await prepare(engine, self.secrets)
        await engine.dispose()

    async def pool(self, role: str | None = None) -> asyncpg.Pool:
        if role is None:
            role, password = "nautilus", self.server.password
        else:
            password = f"{role}'s password"
        return await asyncpg.create_pool(
            self.url, user=role, password=password, min_size=0, max_size=2
        )

    def run(self, work: Callable[[asyncpg.Pool], Awaitable[Any]], role: str | None = None) -> Any:
        async def connected() -> Any:
            async with await self.pool(role) as pool:
                return await work(pool)

        return asyncio.run(connected())


@contextmanager
def made(server: PostgresServer, name: str, secrets: Path) -> Iterator[Database]:
    async def admin(statement: str) -> None:
        connection = await asyncpg.connect(server.url, password=server.password)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(admin(f"CREATE DATABASE {name}"))
    yield Database(server, name, secrets)
    asyncio.run(admin(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database(postgres_process: PostgresServer, tmp_path: Path) -> Iterator[Database]:
    with made(postgres_process, "own", tmp_path) as database:
        yield database


@pytest.fixture
def prepared(database: Database) -> Database:
    asyncio.run(database.prepare())
    return database


@pytest.fixture(scope="module")
def untouched(
    postgres_process: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """For tests that change nothing in it."""
    with made(postgres_process, "untouched", tmp_path_factory.mktemp("secrets")) as database:
        asyncio.run(database.prepare())
        yield database


def tick(at: datetime = NOW, sequence: int = 0) -> Tick:
    return Tick(symbol="AAPL", at=at, sequence=sequence, price=100.0, size=1.0)


def test_several_backends_that_start_at_once_make_one_schema(database: Database) -> None:
    async def at_once() -> None:
        await asyncio.gather(*(database.prepare() for _ in range(4)))

    asyncio.run(at_once())
    assert database.run(lambda pool: pool.fetchval("SELECT count(*) FROM alembic_version")) == 1


def test_a_second_preparation_changes_nothing(
    prepared: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def catalogue(pool: asyncpg.Pool) -> Awaitable[Any]:
        return pool.fetch(
            """SELECT nspname, relname, relacl::text, relrowsecurity, rolname, rolpassword
            FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
            CROSS JOIN pg_authid WHERE nspname !~ '^pg_' ORDER BY 1, 2, rolname"""
        )

    before = prepared.run(catalogue)
    with caplog.at_level(logging.INFO):
        asyncio.run(prepared.prepare())
    assert prepared.run(catalogue) == before
    assert "password set" not in caplog.text


def test_the_former_releases_tables_are_kept_and_its_engines_still_work(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def former_engine(pool: asyncpg.Pool) -> int:
        await pool.execute(FORMER.read_text())
        with monkeypatch.context() as former:
            former.setattr(store, "INGEST", FORMER_INGEST.read_text())
            stored, _ = await ingest(pool, [tick(), tick(sequence=1)])
        return stored

    assert database.run(former_engine) == 2
    asyncio.run(database.prepare())
    # It was rolled back: it starts on the newer schema, and knows its ticks.
    assert database.run(former_engine) == 0
    assert [found.ticks for found in database.run(symbols)] == [2]
    assert database.run(lambda pool: ingest(pool, [tick(sequence=2)]), "marketdata")[0] == 1


COLUMNS = """
SELECT format('%s.%s', table_schema, table_name) AS table, column_name AS name, data_type AS type,
    is_nullable = 'YES' OR column_default IS NOT NULL AS optional
FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text AS table, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE conrelid <> 0 AND connamespace <> 'pg_catalog'::regnamespace
"""


def test_each_step_leaves_the_former_release_what_it_reads_and_writes(database: Database) -> None:
    async def bring_to(revision: str) -> None:
        engine = database.engine()
        async with engine.begin() as connection:
            await connection.run_sync(upgrade, revision)
        await engine.dispose()

    def found(query: str) -> dict[Any, Any]:
        rows = database.run(lambda pool: pool.fetch(query))
        return {tuple(row.values())[:2]: dict(row) for row in rows}

    files = sorted((Path(schema.__file__).parent / "migrations/versions").glob("0*.py"))
    former: dict[Any, Any] = {}
    rules: dict[Any, Any] = {}
    for revision in (file.name.partition("_")[0] for file in files):
        asyncio.run(bring_to(revision))
        columns, constraints = found(COLUMNS), found(CONSTRAINTS)
        assert former.items() <= columns.items(), f"{revision} takes away or changes"
        tables = {place for place, _ in former}
        added = [it for key, it in columns.items() if key not in former and it["table"] in tables]
        assert [it for it in added if not it["optional"]] == [], f"{revision} asks for more"
        stricter = [key for key in constraints if key not in rules and key[0] in tables]
        assert stricter == [], f"{revision} forbids what was allowed"
        former, rules = columns, constraints
    assert len(former) > 50


def test_an_older_backend_starts_on_a_newer_schema(prepared: Database, start: Start) -> None:
    prepared.run(lambda pool: pool.execute("UPDATE alembic_version SET version_num = '9999'"))
    client = start("backend", **backend_settings(prepared))
    eventually(lambda: client.get("/health").status_code == 200)
    version = prepared.run(lambda pool: pool.fetchval("SELECT version_num FROM alembic_version"))
    assert version == "9999"


def test_a_migration_that_fails_leaves_nothing_behind(database: Database) -> None:
    # A table where the migrations want their own.
    database.run(lambda pool: pool.execute("CREATE SCHEMA backend"))
    with pytest.raises(Exception, match='schema "backend" already exists'):
        asyncio.run(database.prepare())
    found = database.run(lambda pool: pool.fetchval("SELECT to_regclass('jobs.job')"))
    assert found is None


FORBIDDEN = {
    "marketdata": ["INSERT INTO portfolio.accounts VALUES ('p', now(), 1, 1)"],
    "risk": [
        "INSERT INTO marketdata.symbols VALUES ('A', 1, now(), 1)",
        "SELECT * FROM marketdata.bars",
        "SELECT * FROM jobs.job",
        "CREATE TABLE public.mine (a int)",
        "CREATE TABLE marketdata.mine (a int)",
        "SELECT * FROM backend.api_key",
        "DELETE FROM jobs.job",
        "CREATE ROLE other",
        "ALTER ROLE backend PASSWORD 'mine'",
        "SELECT rolpassword FROM pg_authid",
        "UPDATE alembic_version SET version_num = '1'",
    ],
    "portfolio": [
        "DELETE FROM analytics.equity",
        "DROP TABLE portfolio.accounts",
        "SELECT * FROM marketdata.symbols",
    ],
    "analytics": [
        "SELECT * FROM portfolio.accounts",
        "SELECT pg_read_file('/etc/passwd')",
        "INSERT INTO jobs.job (engine, kind, request) VALUES ('analytics', 'x', '{}')",
    ],
    "strategy": ["INSERT INTO jobs.job (engine, kind, request) VALUES ('risk', 'x', '{}')"],
    "backend": [
        "DELETE FROM marketdata.ticks",
        "INSERT INTO jobs.job (engine, kind, request) VALUES ('risk', 'x', '{}')",
    ],
}


@pytest.mark.parametrize(
    ("role", "statement"), [(role, one) for role, all_ in FORBIDDEN.items() for one in all_]
)
def test_a_role_may_not_touch_what_is_not_its_own(
    untouched: Database, role: str, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        untouched.run(lambda pool: pool.execute(statement), role)


def test_each_role_may_do_its_work(prepared: Database) -> None:
    assert prepared.run(lambda pool: ingest(pool, [tick()]), "marketdata")[0] == 1
    for role in ("analytics", "marketdata", "strategy"):
        read = prepared.run(
            lambda pool: pool.fetchval("SELECT count(*) FROM marketdata.bars"), role
        )
        assert read > 0
    prepared.run(
        lambda pool: pool.execute("INSERT INTO portfolio.accounts VALUES ('p', now(), 1, 1)"),
        "portfolio",
    )


def test_who_keeps_jobs_is_who_has_some() -> None:
    services = {name: load(name)(Settings(service=name)) for name in SERVICES}
    having = [
        name for name, it in services.items() if any(isinstance(x, Jobs) for x in vars(it).values())
    ]
    assert set(having) == roles.HAVE_JOBS


def test_an_engine_sees_its_own_jobs_and_the_backend_all(prepared: Database) -> None:
    async def submit(pool: asyncpg.Pool, engine: str) -> None:
        await JobStore(pool, engine).submit(uuid4(), "test", "{}")

    prepared.run(lambda pool: submit(pool, "strategy"), "strategy")
    # By the owner, who may write anybody's.
    prepared.run(lambda pool: submit(pool, "risk"))

    def seen(role: str) -> set[str]:
        rows = prepared.run(lambda pool: pool.fetch("SELECT engine FROM jobs.job"), role)
        return {row["engine"] for row in rows}

    assert seen("strategy") == {"strategy"}
    assert seen("backend") == {"risk", "strategy"}


def test_a_new_secret_is_taken_over_and_rights_given_by_hand_are_taken_back(
    prepared: Database,
) -> None:
    prepared.run(lambda pool: pool.execute("GRANT ALL ON portfolio.accounts TO risk"))
    prepared.run(lambda pool: pool.execute("ALTER ROLE risk SUPERUSER PASSWORD 'another'"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        prepared.run(lambda pool: pool.fetchval("SELECT 1"), "risk")
    asyncio.run(prepared.prepare())
    assert prepared.run(lambda pool: pool.fetchval("SELECT 1"), "risk") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        prepared.run(lambda pool: pool.execute("SELECT * FROM portfolio.accounts"), "risk")


def test_the_verifier_is_postgres_own(postgres_process: PostgresServer) -> None:
    # RFC 7677, section 3, in the form of RFC 5803.
    salt = bytes.fromhex("5b6d99689d12358eeca04b141236fa81")
    stored = scram.verifier("pencil", salt)
    assert stored == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert scram.matches(stored, "pencil")
    assert not scram.matches(stored, "pencils")
    assert not scram.matches(None, "pencil")
    assert not scram.matches("md5abc", "pencil")


def test_old_jobs_are_deleted_but_no_tick_that_is_in_no_archive(prepared: Database) -> None:
    old = NOW.now(UTC) - timedelta(days=80)
    prepared.run(lambda pool: ingest(pool, [tick(old)]))

    async def jobs(pool: asyncpg.Pool) -> None:
        for days in (8, 6, None):
            await pool.execute(
                """INSERT INTO jobs.job (engine, kind, request, state, finished_at)
                VALUES ('risk', $2, '{}', $1, now() - make_interval(days => $3))""",
                "done" if days else "queued",
                str(days),
                days,
            )

    async def clean() -> None:
        engine = prepared.engine()
        async with engine.begin() as connection:
            await retention.apply(connection, job_days=7, equity_days=30)
        await engine.dispose()

    prepared.run(jobs)
    asyncio.run(clean())
    left = prepared.run(lambda pool: pool.fetch("SELECT at FROM marketdata.ticks"))
    assert [row["at"] for row in left] == [old]
    kinds = prepared.run(lambda pool: pool.fetch("SELECT kind FROM jobs.job ORDER BY kind"))
    assert [row["kind"] for row in kinds] == ["6", "None"]


def test_old_equity_is_thinned_and_tells_the_same(
    prepared: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = NOW - timedelta(days=40)
    # It falls deepest from what is not the hour's highest, to what is not its lowest.
    course = np.interp(np.arange(3_600), [0, 900, 1_800, 3_599], [90.0, 110.0, 95.0, 130.0])
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * 3_600)
    equity = np.r_[course, np.full(2 * 3_600, 130.0)] + noise
    # Two hours of long ago, and one of the last 30 days.
    hours = [first + timedelta(hours=h, seconds=s) for h in (0, 1) for s in range(3_600)]
    hours += [NOW + timedelta(seconds=s) for s in range(3_600)]
    rows = list(zip(hours, equity.tolist(), strict=True))
    # One that stopped long ago keeps the last days that it has.
    others = [(at, equity) for at, equity in rows if at < NOW]

    async def fill(pool: asyncpg.Pool) -> None:
        records = [("lives", *row) for row in rows] + [("halted", *row) for row in others]
        await pool.copy_records_to_table("equity", schema_name="analytics", records=records)

    async def clean() -> None:
        engine = prepared.engine()
        async with engine.begin() as connection:
            await retention.apply(connection, job_days=7, equity_days=30)
        await engine.dispose()

    def stored(portfolio: str) -> list[tuple[datetime, float]]:
        found = prepared.run(lambda pool: curve.points(pool, portfolio, 50_000))
        return [(point.at, point.equity) for point in found]

    prepared.run(fill)
    # As it is read when hardly anything is recent: all that is thinned counts.
    monkeypatch.setattr(curve, "RECENT", 3)
    exact = prepared.run(lambda pool: curve.load(pool, "lives"))
    assert exact.deepest == pytest.approx(95 / 110 - 1, abs=0.01)
    for _ in range(2):
        asyncio.run(clean())
        assert prepared.run(lambda pool: curve.load(pool, "lives")) == exact
        kept = stored("lives")
        assert kept[-3_600:] == rows[-3_600:]
        assert len(kept) - 3_600 <= 2 * 6
        assert set(kept) <= set(rows)
        assert stored("halted") == others


def backend_settings(database: Database) -> dict[str, Any]:
    owner = database.secrets / "postgres_password"
    owner.write_text(PostgresServer.password)
    return {
        "database_url": database.url.replace("nautilus@", "backend@"),
        "postgres_password_file": database.secrets / "backend_database_password",
        "owner_database_url": database.url,
        "owner_password_file": owner,
        "roles_directory": database.secrets,
    }


def test_a_backend_prepares_the_database_before_it_is_healthy(
    database: Database, start: Start
) -> None:
    database.server.stop()
    try:
        client = start("backend", **backend_settings(database))
        assert client.get("/health").status_code == 503
        assert client.get("/api/jobs").status_code == 503
    finally:
        database.server.start()
    eventually(lambda: client.get("/health").status_code == 200)
    assert client.get("/health").json()["background"] == {"database": "running"}
    assert client.get("/api/jobs").json() == []
