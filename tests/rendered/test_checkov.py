"""Checkov over what is rendered: Dockerfiles, and every file for secrets.

Without an account Checkov gives no severities, so each finding counts, and each that is wrong for
this case stands here with the reason.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

CHECKOV = Path(__file__).with_name("checkov") / ".venv/bin/checkov"
# Check → images in which it is wrong (None: in each) and why.
WRONG_HERE = {
    "CKV_DOCKER_2": (
        None,
        "an image's health check is data of the service and stands in the compose file, where every"
        " service has one: test_every_service_has_a_health_check",
    ),
    "CKV_DOCKER_3": (
        ("engine-base", "ml-libraries", "strategy-libraries"),
        "no container runs these images: each that builds on it ends with its own USER:"
        " test_no_service_runs_as_root",
    ),
}


def findings(folder):
    """(check, image or file) of each finding."""
    if not CHECKOV.exists():
        pytest.skip("Checkov isn't installed: make test installs it")
    words = ["--directory", folder, "--framework", "dockerfile", "secrets", "--output", "json"]
    done = subprocess.run(
        [CHECKOV, *words, "--skip-download"],
        check=False,
        capture_output=True,
        text=True,
        # What Checkov would ask of its maker's server.
        env={**os.environ, "BC_SKIP_MAPPING": "TRUE"},
    )
    said = json.loads(done.stdout)
    reports = said if isinstance(said, list) else [said]
    assert not any(report["summary"]["parsing_errors"] for report in reports)
    checked = sum(report["summary"]["resource_count"] for report in reports)
    failed = [it for report in reports for it in report["results"]["failed_checks"]]
    return checked, {(it["check_id"], it["file_path"].split("/")[-2]) for it in failed}


def expected(release):
    """What it gets wrong in these images."""
    return {
        (check, name)
        for check, (only, _) in WRONG_HERE.items()
        for name in (only or release.images)
        if name in release.images
    }


# The Dockerfiles of one architecture are alike.
@pytest.mark.parametrize("release", ["m4max", "linux-x86-64"], indirect=True)
def test_checkov_finds_nothing_but_what_is_wrong_here(release, written):
    assert findings(written) == (len(release.images), expected(release))


def test_checkov_finds_no_more_in_what_else_is_rendered(other):
    release, folder = other
    assert findings(folder) == (len(release.images), expected(release))


def test_checkov_would_find_something(tmp_path):
    image = tmp_path / "images" / "worse"
    image.mkdir(parents=True)
    (image / "Dockerfile").write_text(
        "FROM debian:latest\nADD https://example.com/a /a\nUSER root\n"
    )
    (image / "compose.yml").write_text(
        "environment: {AWS_ACCESS_KEY_ID: AKIA" + "QYLPMN5HHHFPZAM2}\n"
    )
    _, found = findings(tmp_path)
    checks = {check for check, _ in found}
    assert {"CKV_DOCKER_4", "CKV_DOCKER_7", "CKV_DOCKER_8"} <= checks
    assert any(check.startswith("CKV_SECRET") for check in checks)


def test_every_service_has_a_health_check(release):
    assert all(container.health["test"] for container in release.containers.values())


def test_so_has_every_service_of_what_else_is_rendered(other):
    assert all(container.health["test"] for container in other[0].containers.values())
