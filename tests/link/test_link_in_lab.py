import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def seen():
    """What the probe saw on each host, by pyinfra itself: gevent, real sshd, real daemons."""
    command = [sys.executable, "-m", "pyinfra", "-y", "lab/inventory.py", "tests/link/lab_probe.py"]
    done = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    if "no lab is running" in done.stderr + done.stdout:
        pytest.skip("no lab is running: python -m lab up")
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert reports
    return reports


@pytest.mark.lab
def test_every_request_is_answered_over_four_sessions(seen):
    assert all(report["same_version"] for report in seen)
    assert all(1 <= report["sessions_open"] <= 4 for report in seen)


@pytest.mark.lab
def test_no_session_is_left(seen):
    assert [report["sessions_left"] for report in seen] == [0] * len(seen)


@pytest.mark.lab
def test_a_stream_ends_when_another_greenlet_closes_it(seen):
    assert all(report["stream_ended"] for report in seen)


@pytest.mark.lab
def test_a_refused_connection_names_the_host(seen):
    assert all(report["refused"].startswith(f"{report['host']}: 127.0.0.1:1") for report in seen)


@pytest.mark.lab
def test_a_mac_is_told_from_its_sysctl(seen):
    macs = [report for report in seen if report["kernel"] == "Darwin"]
    assert all("machdep.cpu.brand_string: " in report["chip"] for report in macs)
