"""Real stores for Nautilus' tests; a test that needs one is skipped where it is not installed."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from nautilus.backend.schema import prepare
from nautilus.catalogue import load
from nautilus.frame.app import create_app
from nautilus.frame.service import Service
from nautilus.frame.settings import Settings
from redis import Redis

from tests.nautilus.processes import Running, RunService
from tests.nautilus.servers import PostgresServer, RedisServer, eventually, postgres_binaries

Start = Callable[..., TestClient]


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[PostgresServer]:
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("postgres is not installed")
    server = PostgresServer(binaries)
    server.start()
    asyncio.run(_make_schema(server))
    yield server
    server.remove()


async def _make_schema(server: PostgresServer) -> None:
    engine = server.engine()
    await prepare(engine, None)
    await engine.dispose()


@pytest.fixture
def redis_settings(redis_process: RedisServer, tmp_path: Path) -> dict[str, object]:
    password = tmp_path / "redis_password"
    password.write_text(redis_process.password + "\n")
    address = {"redis_host": "127.0.0.1", "redis_port": redis_process.port}
    return {**address, "redis_password_file": password}


@pytest.fixture
def redis_client(redis_process: RedisServer) -> Iterator[Redis]:
    with Redis(port=redis_process.port, password=redis_process.password) as client:
        yield client


@pytest.fixture
def postgres_settings(postgres_process: PostgresServer, tmp_path: Path) -> dict[str, object]:
    password = tmp_path / "postgres_password"
    password.write_text(postgres_process.password + "\n")
    return {"database_url": postgres_process.url, "postgres_password_file": password}


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a service, by name or class, with the settings given, for the length of the test."""
    clients: list[TestClient] = []

    def begin(service: str | type[Service], **settings: object) -> TestClient:
        of = load(service) if isinstance(service, str) else service
        client = TestClient(create_app(of(Settings(service=of.name, **settings))))
        client.__enter__()
        clients.append(client)
        return client

    yield begin
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def run() -> Iterator[RunService]:
    """Start a service as a process, wait until it answers, stop it after the test."""
    running: list[Running] = []

    def begin(service: str, cpus: set[int] | None = None, **environment: str) -> Running:
        running.append(Running(service, cpus, **environment))
        eventually(running[-1].answers, within_s=30)
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.stop()
