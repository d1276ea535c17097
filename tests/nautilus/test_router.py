"""How the services read a request's JSON."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from nautilus.frame.router import Router
from pydantic import BaseModel


class Number(BaseModel):
    value: float


async def same(number: Number) -> Number:
    return number


@pytest.fixture
def client() -> TestClient:
    app, inner, outer = FastAPI(), Router(prefix="/inner", tags=["inner"]), Router()
    inner.post("/same")(same)
    outer.include_router(inner)
    app.include_router(outer)
    return TestClient(app, raise_server_exceptions=False)


def post(client: TestClient, body: bytes) -> tuple[int, object]:
    answer = client.post("/inner/same", content=body, headers={"Content-Type": "application/json"})
    return answer.status_code, answer.json()


def test_a_body_is_read_and_checked(client: TestClient) -> None:
    assert post(client, b' {"value": 1.5}\n') == (200, {"value": 1.5})


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"value": NaN}',
        b'{"value": Infinity}',
        b"\xff\xfe",
        b'{"value": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_refused_as_such(client: TestClient, body: bytes) -> None:
    """Python's own json takes NaN and Infinity, and fails otherwise at a deep nesting."""
    status, answer = post(client, body)
    assert status == 422
    assert isinstance(answer, dict)
    assert answer["detail"][0]["type"] == "json_invalid"
