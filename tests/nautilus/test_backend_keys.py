"""Who may read and who may change, by keys and from the page."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.nautilus.postgres import ask
from tests.nautilus.servers import PostgresServer, eventually

Start = Callable[..., TestClient]
PAGE = {"Host": "localhost", "Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}
ELSEWHERE = [
    {},
    {**PAGE, "Sec-Fetch-Site": "cross-site"},
    {**PAGE, "Origin": "http://evil.example"},
    {**PAGE, "Origin": "http://[::bad"},
    {**PAGE, "Host": "rebound.example", "Origin": "http://rebound.example"},
    {"Host": "localhost", "Origin": "http://localhost"},
]


@pytest.fixture
def client(
    start: Start, postgres_settings: dict[str, Any], postgres_process: PostgresServer
) -> Iterator[TestClient]:
    yield start("backend", **postgres_settings)
    ask(postgres_process, lambda connection: connection.execute("DELETE FROM backend.api_key"))


def created(client: TestClient, scope: str) -> dict[str, Any]:
    answer = client.post("/api/keys", json={"name": "tests", "scope": scope}, headers=PAGE)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['token']}"}


def test_a_key_is_shown_once_and_only_its_hash_is_stored(
    client: TestClient, postgres_process: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        key = created(client, "write")
        secret = key["token"].rpartition("_")[2]
        (listed,) = client.get("/api/keys", headers=PAGE).json()
        (used,) = client.get("/api/keys", headers=bearer(key)).json()
    assert listed == {k: v for k, v in key.items() if k != "token"}
    assert listed["used_at"] is None
    assert used["used_at"] is not None
    (row,) = ask(postgres_process, lambda db: db.fetch("SELECT k::text FROM backend.api_key k"))
    assert secret not in row[0]
    assert secret not in caplog.text


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_no_other_site_or_program_changes_anything_without_a_key(
    client: TestClient, headers: dict[str, str]
) -> None:
    answer = client.post("/api/keys", json={"name": "mine", "scope": "write"}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert client.get("/api/keys", headers=headers).status_code == 401


def test_a_key_to_read_does_not_write(client: TestClient) -> None:
    key = bearer(created(client, "read"))
    assert client.get("/api/jobs", headers=key).status_code == 200
    refused = client.delete("/api/jobs/00000000-0000-0000-0000-000000000000", headers=key)
    assert (refused.status_code, refused.json()) == (403, {"detail": "this API key may read only"})


def test_a_revoked_key_opens_nothing(client: TestClient) -> None:
    key = created(client, "write")
    assert client.get("/api/keys", headers=bearer(key)).status_code == 200
    revoked = client.delete(f"/api/keys/{key['id']}", headers=bearer(key)).json()
    assert revoked["revoked_at"] is not None
    assert client.get("/api/keys", headers=bearer(key)).status_code == 401
    again = client.delete(f"/api/keys/{key['id']}", headers=PAGE).json()
    assert again == revoked
    assert client.delete("/api/keys/0123456789ab", headers=PAGE).status_code == 404


@pytest.mark.parametrize("change", ["", "x", "nautilus_", "nautilus_é_x", "nautilus_0_0", "flip"])
def test_a_wrong_key_is_refused_even_from_the_page(client: TestClient, change: str) -> None:
    token = created(client, "write")["token"]
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B") if change == "flip" else change
    headers = {**PAGE, "Authorization": f"Bearer {wrong}"}
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = client.get("/api/keys", headers=sent)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "this API key is unknown or revoked"}


def test_reading_is_open_until_it_is_closed(
    start: Start, client: TestClient, postgres_settings: dict[str, Any]
) -> None:
    assert client.get("/api/jobs").status_code == 200
    closed = start("backend", read_needs_key=True, **postgres_settings)
    assert closed.get("/api/jobs").status_code == 401
    assert closed.get("/api/jobs", headers=bearer(created(client, "read"))).status_code == 200
    fetched_by_page = {name: value for name, value in PAGE.items() if name != "Origin"}
    assert closed.get("/api/jobs", headers=fetched_by_page).status_code == 200


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "a\0"}, {"name": "a", "scope": "all"}])
def test_a_bad_key_is_refused_with_the_field(client: TestClient, body: dict[str, str]) -> None:
    answer = client.post("/api/keys", json=body, headers=PAGE)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][1] in body


def test_a_dead_postgres_is_told_and_waited_out(
    client: TestClient, postgres_process: PostgresServer
) -> None:
    key = bearer(created(client, "write"))
    postgres_process.stop()
    try:
        for path in ("/api/jobs", "/api/keys", "/api/results"):
            answer = client.get(path, headers=key)
            assert answer.status_code == 503, answer.text
            assert answer.json()["detail"].startswith("a store is away")
        eventually(lambda: client.get("/health").status_code == 503)
    finally:
        postgres_process.start()
    assert client.get("/api/keys", headers=key).status_code == 200
    eventually(lambda: client.get("/health").status_code == 200)
