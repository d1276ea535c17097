"""History as a real Prometheus tells it, from samples that its own tool wrote."""

import shutil
import socket
import subprocess
import time

import httpx
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from facts.history import Prometheus

PROGRAMS = ("prometheus", "promtool")
MINUTES = 100


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def samples(now_s):
    """A hundred minutes: CPU rises from 0 to 0.99 of a limit of 2, memory falls; the rest stays."""
    yield "# TYPE drydock_container_cpu_ratio gauge"
    for minute in range(MINUTES):
        at = now_s - 60 * (MINUTES - minute)
        yield f'drydock_container_cpu_ratio{{service="risk"}} {minute / 100} {at}'
    yield "# TYPE drydock_container_cpus gauge"
    for minute in range(MINUTES):
        at = now_s - 60 * (MINUTES - minute)
        yield f'drydock_container_cpus{{service="risk"}} {minute / 50} {at}'
    yield "# TYPE drydock_container_memory_bytes gauge"
    for minute in range(MINUTES):
        at = now_s - 60 * (MINUTES - minute)
        yield f'drydock_container_memory_bytes{{service="risk"}} {1000 - minute} {at}'
    yield "# TYPE drydock_deploy_last_timestamp_seconds gauge"
    for minute in range(MINUTES):
        at = now_s - 60 * (MINUTES - minute)
        yield f"drydock_deploy_last_timestamp_seconds {now_s - 50 * 60} {at}"
    yield "# EOF"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    if not all(map(shutil.which, PROGRAMS)):
        pytest.skip("prometheus and promtool are not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "samples").write_text("\n".join(samples(int(time.time()))) + "\n")
    (folder / "prometheus.yml").write_text("global: {}\n")
    made = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples", "data"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
        f"--web.listen-address={address}",
    ]  # fmt: skip
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as running,
    ):
        for attempt in Retrying(
            retry=retry_if_exception_type(httpx.HTTPError),
            stop=stop_after_delay(30),
            wait=wait_fixed(0.1),
            reraise=True,
        ):
            with attempt:
                httpx.get(f"http://{address}/-/ready").raise_for_status()
        yield f"http://{address}"
        running.terminate()


def test_what_was_used_since_the_last_deploy(url):
    with httpx.Client() as client:
        used = Prometheus(client, url).used(("risk", "ml"), 7 * 86400)
    assert set(used) == {"risk"}
    # Fifty minutes since the deploy, give or take those at the edges.
    assert 48 <= used["risk"].minutes <= 52
    assert used["risk"].of_limit == pytest.approx(0.99)
    assert used["risk"].cpus.max == pytest.approx(1.98)
    assert used["risk"].cpus.p50 == pytest.approx(1.5, rel=0.03)
    assert used["risk"].cpus.p95 == pytest.approx(1.94, rel=0.03)
    assert used["risk"].memory_bytes.max == pytest.approx(950, abs=2)


def test_a_shorter_while_is_looked_at_when_it_is_asked_for(url):
    with httpx.Client() as client:
        used = Prometheus(client, url).used(("risk",), 600)
    assert 9 <= used["risk"].minutes <= 11
    assert used["risk"].memory_bytes.max == pytest.approx(910, abs=2)
