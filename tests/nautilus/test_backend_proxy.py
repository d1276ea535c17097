"""Engines' calls through the backend: as they were sent, without what is not theirs."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from nautilus.backend import proxy
from pydantic import JsonValue

from tests.nautilus.servers import eventually, free_port

Start = Callable[..., TestClient]
SLOW_S = 5
PAGE = {"Host": "localhost", "Sec-Fetch-Site": "same-origin"}
engine = FastAPI()


@engine.api_route("/echo/{rest:path}", methods=["GET", "POST", "DELETE"])
async def echo(request: Request) -> dict[str, JsonValue]:
    return {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "headers": dict(request.headers),
        "body": (await request.body()).decode(),
    }


@engine.post("/jobs", status_code=202)
async def accept(response: Response) -> None:
    response.headers.update({"Location": "/jobs/7", "Connection": "x-hop", "x-hop": "1"})


@engine.get("/slow")
async def slow() -> None:
    await asyncio.sleep(SLOW_S)


@engine.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        for part in range(100):
            yield bytes([part]) * 100_000

    return StreamingResponse(parts(), media_type="application/octet-stream")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(engine, port=free_port(), log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.config.port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(start: Start, address: str) -> TestClient:
    services = f"risk={address},ml=http://127.0.0.1:{free_port()},grafana={address}/api"
    client = start("backend", services=services)
    client.headers.update(PAGE)
    return client


def test_a_call_arrives_as_it_was_sent(client: TestClient) -> None:
    path = "echo/a%2Fb/%C3%A9/..%2Fx"
    answer = client.post(f"/api/engines/risk/{path}?q=1&q=%20", content='{"a": 1}').json()
    assert (answer["method"], answer["path"]) == ("POST", f"/{path}")
    assert (answer["query"], answer["body"]) == ("q=1&q=%20", '{"a": 1}')


def test_an_engine_learns_no_key_and_no_cookie(client: TestClient) -> None:
    headers = {"Cookie": "a=b", "X-Request-Id": "7", "Connection": "x-mine", "X-Mine": "1"}
    told = client.get("/api/engines/risk/echo/", headers=headers).json()["headers"]
    assert not {"authorization", "cookie", "x-mine"} & told.keys()
    assert told["x-request-id"] == "7"
    assert told["host"].startswith("127.0.0.1:")
    authorized = {"Authorization": "Bearer nautilus_a_b"}
    told = client.get("/api/engines/risk/echo/", headers=authorized).json()["headers"]
    assert "authorization" not in told


def test_a_jobs_address_leads_through_the_backend(client: TestClient) -> None:
    answer = client.post("/api/engines/risk/jobs")
    assert (answer.status_code, answer.headers["location"]) == (202, "/api/engines/risk/jobs/7")
    assert "x-hop" not in answer.headers


def test_an_answer_streams_through_in_full(client: TestClient) -> None:
    content = client.get("/api/engines/risk/stream").content
    assert content == b"".join(bytes([part]) * 100_000 for part in range(100))


def test_a_call_that_changes_something_needs_a_key(client: TestClient) -> None:
    answer = client.post("/api/engines/risk/echo/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 401


@pytest.mark.parametrize("engine", ["grafana", "backend", "nothing", "risk.evil"])
def test_only_engines_are_reached(client: TestClient, engine: str) -> None:
    answer = client.get(f"/api/engines/{engine}/health")
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"no engine {engine}: there are risk, ml"


def test_a_dead_engine_is_a_bad_gateway(client: TestClient) -> None:
    answer = client.get("/api/engines/ml/health")
    assert answer.status_code == 502
    assert answer.json()["detail"].startswith("ml does not answer: ")


def test_an_engine_that_breaks_off_is_a_bad_gateway(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        client = start("backend", services=f"risk=http://127.0.0.1:{listener.getsockname()[1]}")
        assert client.get("/api/engines/risk/health").status_code == 502
        thread.join()


def test_a_slow_engine_is_a_gateway_timeout(
    start: Start, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "TIMEOUT", httpx.Timeout(0.2, connect=2.0))
    answer = start("backend", services=f"risk={address}").get("/api/engines/risk/slow")
    assert answer.status_code == 504
    assert answer.json()["detail"].startswith("risk did not answer within 0.2 s")


def test_calls_may_go_another_way_than_the_state_is_asked(start: Start, address: str) -> None:
    nobody = f"risk=http://127.0.0.1:{free_port()}"
    client = start("backend", services=nobody, engines=f"risk={address}")
    assert client.get("/api/engines/risk/echo/x").status_code == 200
    states = {it["service"]: it["state"] for it in client.get("/api/services").json()}
    assert states["risk"] == "unreachable"
