"""All engines' jobs and results, through the backend."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.nautilus.job_engine import Counter
from tests.nautilus.postgres import ask
from tests.nautilus.servers import PostgresServer, eventually

Start = Callable[..., TestClient]
PAGE = {"Host": "localhost", "Sec-Fetch-Site": "same-origin"}
NONE = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def engine(
    start: Start, postgres_settings: dict[str, Any], postgres_process: PostgresServer
) -> Iterator[TestClient]:
    yield start(Counter, job_lease_s=1, **postgres_settings)
    ask(postgres_process, lambda connection: connection.execute("DELETE FROM jobs.job"))


@pytest.fixture
def backend(start: Start, postgres_settings: dict[str, Any]) -> TestClient:
    client = start("backend", **postgres_settings)
    client.headers.update(PAGE)
    return client


def test_a_jobs_progress_and_result_are_seen(
    engine: TestClient, backend: TestClient, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    job = engine.post("/counts", json={"to": 3, "gate": str(gate)}).json()["id"]
    eventually(lambda: backend.get(f"/api/jobs/{job}").json()["progress"] == 0.5)
    assert backend.get("/api/results").json() == []
    assert backend.get(f"/api/results/{job}").status_code == 409
    assert backend.delete(f"/api/results/{job}").status_code == 409
    gate.touch()
    eventually(lambda: backend.get(f"/api/jobs/{job}").json()["state"] == "done")
    assert backend.get(f"/api/jobs/{job}").json() == engine.get(f"/jobs/{job}").json()
    assert backend.get(f"/api/jobs/{job}/request").json()["to"] == 3
    (summary,) = backend.get("/api/results?engine=counter&kind=count").json()
    assert summary == backend.get("/api/jobs?state=done").json()[0]
    assert backend.get("/api/results?engine=risk").json() == []
    assert backend.get("/api/jobs?engine=risk").json() == []
    assert backend.get(f"/api/results/{job}").json()["counted"] == 3
    assert backend.delete(f"/api/results/{job}").status_code == 204
    assert backend.delete(f"/api/results/{job}").status_code == 404
    assert backend.get(f"/api/jobs/{job}").status_code == 404


def test_a_running_job_is_cancelled(
    engine: TestClient, backend: TestClient, tmp_path: Path
) -> None:
    jobs = [
        engine.post("/counts", json={"to": n, "gate": str(tmp_path / "gate")}).json()["id"]
        for n in range(3)
    ]
    eventually(lambda: backend.get(f"/api/jobs/{jobs[0]}").json()["state"] == "running")
    with ThreadPoolExecutor() as threads:
        began = time.monotonic()
        waiting = threads.submit(engine.get, f"/jobs/{jobs[2]}?wait_s=5")
        time.sleep(0.2)
        assert backend.delete(f"/api/jobs/{jobs[2]}").json()["state"] == "cancelled"
        assert waiting.result().json()["state"] == "cancelled"
        assert time.monotonic() - began < 4
    for job in jobs[:2]:
        assert backend.delete(f"/api/jobs/{job}").json()["state"] == "cancelled"
    for job in jobs:
        assert backend.delete(f"/api/jobs/{job}").status_code == 409
    # Both of the worker's places are free again.
    last = engine.post("/counts", json={"to": 4}).json()["id"]
    eventually(lambda: backend.get(f"/api/jobs/{last}").json()["state"] == "done")
    assert [backend.get(f"/api/jobs/{job}").json()["state"] for job in jobs] == ["cancelled"] * 3


@pytest.mark.parametrize("path", [f"/api/jobs/{NONE}", f"/api/results/{NONE}"])
def test_an_unknown_job_is_not_found(backend: TestClient, path: str) -> None:
    assert backend.get(path).status_code == 404
    assert backend.get(f"/api/jobs/{NONE}/request").status_code == 404
    assert backend.delete(path).status_code == 404
