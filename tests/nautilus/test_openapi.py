"""Every OpenAPI document, tried with valid and invalid requests made of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from nautilus.catalogue import SERVICES

from tests.nautilus.processes import RunService

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
TIMEOUT_S = 180
OPTIONS = (
    *("--checks", "not_a_server_error,response_schema_conformance"),
    *("--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1"),
    *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
)
BODY = "application/json"
# As the page itself sends them: else the backend asks for a key first.
PAGE = {"Host": "localhost", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_request_is_a_server_error_and_what_is_missing_is_named(
    name: str,
    run: RunService,
    redis_settings: dict[str, Any],
    postgres_settings: dict[str, Any],
    tmp_path: Path,
) -> None:
    stores = {k.upper(): str(v) for k, v in {**redis_settings, **postgres_settings}.items()}
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
    done = subprocess.run(
        [SCHEMATHESIS, "run", f"{base}/openapi.json", *OPTIONS],
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


def required_fields(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    body = operation.get("requestBody", {}).get("content", {}).get(BODY, {}).get("schema", {})
    name = body.get("$ref", "").rpartition("/")[2]
    return set(document["components"]["schemas"][name].get("required", ())) if name else set()


def filled(path: str) -> str:
    """A path whose parameters are the letter x."""
    return "/".join("x" if part.startswith("{") else part for part in path.split("/"))
