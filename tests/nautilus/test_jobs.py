"""Jobs are kept in Postgres, and a killed worker loses none."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from nautilus.frame.job_store import JobStore

from tests.nautilus.job_engine import Counter
from tests.nautilus.postgres import ask
from tests.nautilus.processes import Running, RunService
from tests.nautilus.servers import PostgresServer, eventually

Start = Callable[..., TestClient]
ENDED = {"done", "failed", "cancelled"}


@pytest.fixture(autouse=True)
def no_jobs(postgres_process: PostgresServer) -> Iterator[None]:
    yield
    ask(postgres_process, lambda connection: connection.execute("DELETE FROM jobs.job"))


def job(client: Any, accepted: dict[str, Any]) -> dict[str, Any]:
    return dict(client.get(f"/jobs/{accepted['id']}").json())


def ended(client: Any, accepted: dict[str, Any], within_s: float = 10.0) -> dict[str, Any]:
    eventually(lambda: job(client, accepted)["state"] in ENDED, within_s)
    return job(client, accepted)


def test_a_job_is_accepted_done_and_found_again(
    start: Start, postgres_settings: dict[str, Any], tmp_path: Path
) -> None:
    client = start(Counter, **postgres_settings)
    gate = tmp_path / "gate"
    answer = client.post("/counts", json={"to": 3, "gate": str(gate)})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/jobs/{answer.json()['id']}"
    accepted = answer.json()
    eventually(lambda: job(client, accepted)["progress"] == 0.5)
    assert job(client, accepted)["note"] == "half way"
    gate.touch()
    done = ended(client, accepted)
    assert (done["state"], done["progress"], done["attempts"]) == ("done", 1, 1)
    assert done["result"] == {"counted": 3, "by": os.getpid(), "nan": None}
    assert client.get(f"/jobs/{done['id']}/request").json()["to"] == 3
    # Asked for often while a job runs, and what was asked may be large.
    assert "request" not in done
    assert [one["id"] for one in client.get("/jobs?state=done").json()] == [accepted["id"]]
    assert client.get("/jobs?state=queued").json() == []


def test_a_jobs_end_is_waited_for(
    start: Start, postgres_settings: dict[str, Any], tmp_path: Path
) -> None:
    client = start(Counter, job_lease_s=3600, **postgres_settings)
    gate = tmp_path / "gate"
    accepted = client.post("/counts", json={"to": 3, "gate": str(gate)}).json()
    address = f"/jobs/{accepted['id']}?wait_s="
    asked = time.monotonic()
    assert client.get(f"{address}0.3").json()["state"] == "running"
    assert 0.3 <= time.monotonic() - asked < 3
    opening = threading.Timer(0.2, gate.touch)
    opening.start()
    asked = time.monotonic()
    assert client.get(f"{address}5").json()["result"]["counted"] == 3
    assert time.monotonic() - asked < 4
    # What has ended is told at once, and no wait is longer than a worker's that stops.
    assert client.get(f"{address}5").json()["state"] == "done"
    assert client.get(f"{address}60").status_code == 422


def test_the_worker_that_accepted_a_job_reads_it_no_more(
    start: Start, postgres_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start(Counter, **postgres_settings)
    with monkeypatch.context() as patched:
        patched.delattr(JobStore, "request")
        done = ended(client, client.post("/counts", json={"to": 3}).json())
    assert done["result"]["counted"] == 3


def test_what_is_loaded_is_no_garbage(run: RunService, postgres_settings: dict[str, Any]) -> None:
    with client_of(counter(run, postgres_settings)) as client:
        assert client.get("/frozen").json() > 10_000


def test_large_requests_are_compressed_fast(postgres_process: PostgresServer) -> None:
    asked = """SELECT attname FROM pg_attribute
        WHERE attrelid = 'jobs.job'::regclass AND attcompression = 'l' ORDER BY 1"""
    found = ask(postgres_process, lambda connection: connection.fetch(asked))
    assert [row["attname"] for row in found] == ["request", "result"]


def test_an_idle_worker_takes_a_job_at_once(
    start: Start, postgres_settings: dict[str, Any]
) -> None:
    client = start(Counter, job_lease_s=3600, **postgres_settings)
    took = []
    for _ in range(5):
        asked = time.monotonic()
        ended(client, client.post("/counts", json={"to": 1}).json())
        took.append(time.monotonic() - asked)
    assert min(took) < 0.3


@pytest.mark.parametrize(
    ("to", "error"), [(13, "nobody counts to 13"), (14, "KeyError: 'fourteen'")]
)
def test_work_that_fails_is_told_and_not_repeated(
    start: Start, postgres_settings: dict[str, Any], to: int, error: str
) -> None:
    client = start(Counter, **postgres_settings)
    failed = ended(client, client.post("/counts", json={"to": to}).json())
    assert (failed["state"], failed["error"], failed["attempts"]) == ("failed", error, 1)
    assert client.get("/health").status_code == 200


def test_a_store_that_stays_away_ends_a_job_after_three_attempts(
    start: Start, postgres_settings: dict[str, Any]
) -> None:
    client = start(Counter, job_lease_s=0.3, **postgres_settings)
    failed = ended(client, client.post("/counts", json={"to": 15}).json())
    assert (failed["state"], failed["attempts"]) == ("failed", 3)
    assert failed["error"].startswith("given up after 3 attempts")


def test_a_job_that_cannot_be_stored_is_refused(
    start: Start, postgres_settings: dict[str, Any]
) -> None:
    client = start(Counter, **postgres_settings)
    assert client.post("/counts", json={"to": 1, "text": "\0"}).status_code == 422
    for path in ("", "/request"):
        nobody = f"/jobs/00000000-0000-0000-0000-000000000000{path}"
        assert client.get(nobody).status_code == 404
    assert client.get("/jobs/7").status_code == 422


def test_a_result_that_cannot_be_stored_fails_its_job_alone(
    start: Start, postgres_settings: dict[str, Any]
) -> None:
    client = start(Counter, **postgres_settings)
    failed = ended(client, client.post("/counts", json={"to": 16}).json())
    assert failed["error"].startswith("its result cannot be stored: ")
    assert ended(client, client.post("/counts", json={"to": 1}).json())["state"] == "done"


def test_a_job_of_another_releases_kind_is_left_alone_without_haste(
    start: Start, postgres_process: PostgresServer, postgres_settings: dict[str, Any]
) -> None:
    foreign = """INSERT INTO jobs.job (engine, kind, request, state, attempts, lease_until)
        VALUES ('counter', 'unknown', '{}', 'running', 1, now() - interval '1 s')"""
    ask(postgres_process, lambda connection: connection.execute(foreign))
    client = start(Counter, **postgres_settings)
    ended(client, client.post("/counts", json={"to": 1}).json())
    asked = "SELECT sum(xact_commit) FROM pg_stat_database"
    before = ask(postgres_process, lambda connection: connection.fetchval(asked))
    # How often a worker asks in a second in which nothing happens.
    time.sleep(1)
    assert ask(postgres_process, lambda connection: connection.fetchval(asked)) - before < 50
    (left,) = client.get("/jobs?state=running").json()
    assert (left["kind"], left["attempts"]) == ("unknown", 1)


def counter(run: RunService, settings: dict[str, Any], **more: str) -> Running:
    return run(
        "tests.nautilus.job_engine",
        DATABASE_URL=str(settings["database_url"]),
        POSTGRES_PASSWORD_FILE=str(settings["postgres_password_file"]),
        **more,
    )


def client_of(running: Running) -> httpx.Client:
    # No connection is kept: it would be reset with the worker that is killed.
    limits = httpx.Limits(max_keepalive_connections=0)
    url = f"http://127.0.0.1:{running.port}"
    return httpx.Client(base_url=url, limits=limits, trust_env=False)


def test_a_worker_killed_in_the_middle_loses_no_job(
    run: RunService, postgres_settings: dict[str, Any], tmp_path: Path
) -> None:
    first = counter(run, postgres_settings, JOB_LEASE_S="1", WORKERS="2")
    gate = tmp_path / "gate"
    with client_of(first) as client:
        asked = [client.post("/counts", json={"to": n, "gate": str(gate)}).json() for n in range(8)]
        eventually(lambda: sum(one["progress"] == 0.5 for one in client.get("/jobs").json()) == 4)
        lost = first.workers()
        for worker in lost:
            os.kill(worker, signal.SIGKILL)
        eventually(lambda: not set(first.workers()) & set(lost))
        gate.touch()
        results = [ended(client, one, within_s=20) for one in asked]
    assert [one["result"]["counted"] for one in results] == list(range(8))
    assert not {one["result"]["by"] for one in results} & set(lost)
    assert sorted(one["attempts"] for one in results) == [1, 1, 1, 1, 2, 2, 2, 2]


def test_an_engine_that_stops_in_order_gives_its_jobs_back_at_once(
    run: RunService, postgres_settings: dict[str, Any], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = counter(run, postgres_settings, JOB_LEASE_S="3600")
    with client_of(first) as client:
        accepted = client.post("/counts", json={"to": 5, "gate": str(gate)}).json()
        eventually(lambda: job(client, accepted)["progress"] == 0.5)
    first.stop()
    gate.touch()
    with client_of(counter(run, postgres_settings, JOB_LEASE_S="3600")) as client:
        done = ended(client, accepted)
    assert (done["state"], done["attempts"]) == ("done", 1)


def test_jobs_outlive_a_postgres_that_goes_and_comes_back(
    start: Start,
    postgres_process: PostgresServer,
    postgres_settings: dict[str, Any],
    tmp_path: Path,
) -> None:
    client = start(Counter, job_lease_s=1, **postgres_settings)
    gate = tmp_path / "gate"
    accepted = client.post("/counts", json={"to": 5, "gate": str(gate)}).json()
    eventually(lambda: job(client, accepted)["progress"] == 0.5)
    postgres_process.stop()
    try:
        eventually(lambda: client.get("/health").status_code == 503)
        assert client.post("/counts", json={"to": 6}).status_code == 503
        assert client.get("/jobs").status_code == 503
        gate.touch()
    finally:
        postgres_process.start()
    assert ended(client, accepted, within_s=20)["result"]["counted"] == 5
    assert ended(client, client.post("/counts", json={"to": 7}).json())["state"] == "done"
    eventually(lambda: client.get("/health").status_code == 200)
