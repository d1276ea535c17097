"""Every OpenAPI document, tried with valid and invalid requests made of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from nautilus.catalogue import SERVICES

from tests.nautilus.postgres import ask
from tests.nautilus.processes import Running, RunService
from tests.nautilus.servers import PostgresServer

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
TIMEOUT_S = 180
# As the page itself sends them: else the backend asks for a key first.
PAGE = {"Host": "localhost", "Sec-Fetch-Site": "same-origin"}
OPTIONS = (
    *("--checks", "not_a_server_error,response_schema_conformance"),
    *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1"),
    *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
    *("--header", f"Sec-Fetch-Site: {PAGE['Sec-Fetch-Site']}"),
)
BODY = "application/json"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_request_is_a_server_error_and_what_is_missing_is_named(
    name: str,
    run: RunService,
    redis_settings: dict[str, Any],
    postgres_settings: dict[str, Any],
    postgres_process: PostgresServer,
    tmp_path: Path,
) -> None:
    stores = {k.upper(): str(v) for k, v in {**redis_settings, **postgres_settings}.items()}
    behind = run("risk", **stores) if name == "backend" else None
    if behind is not None:
        stores["ENGINES"] = f"risk=http://127.0.0.1:{behind.port}"
    service = run(name, **stores)
    base = f"http://127.0.0.1:{service.port}"
    document = httpx.get(f"{base}/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            required = required_fields(document, operation)
            if required:
                answer = httpx.request(method, base + filled(path), json={}, headers=PAGE)
                assert answer.status_code == 422, (path, answer.text)
                named = {part for error in answer.json()["detail"] for part in error["loc"]}
                assert required <= named, path
            for parameter in operation.get("parameters", ()):
                # Any other name is a 404, and no engine would ever be asked.
                if parameter["name"] == "engine" and parameter["in"] == "path":
                    parameter["schema"] = {"enum": ["risk"]}
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [SCHEMATHESIS, "run", file, "--url", base, *OPTIONS],
        check=False,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # Nothing that was asked killed what works beside the requests.
    assert service.health()["reasons"] == []
    if behind is not None:
        assert_guard_was_passed(behind, postgres_process)


def assert_guard_was_passed(engine: Running, postgres: PostgresServer) -> None:
    """Keys were made, for which one must be known, and calls that change something got through."""
    assert ask(postgres, lambda it: it.fetchval("SELECT count(*) FROM backend.api_key")) > 0
    ask(postgres, lambda it: it.execute("DELETE FROM backend.api_key"))
    metrics = httpx.get(f"http://127.0.0.1:{engine.port}/metrics").text
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        assert f'nautilus_request_seconds_count{{method="{method}"' in metrics, method


def required_fields(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    body = operation.get("requestBody", {}).get("content", {}).get(BODY, {}).get("schema", {})
    name = body.get("$ref", "").rpartition("/")[2]
    return set(document["components"]["schemas"][name].get("required", ())) if name else set()


def filled(path: str) -> str:
    """A path whose parameters are the letter x."""
    return "/".join("x" if part.startswith("{") else part for part in path.split("/"))
