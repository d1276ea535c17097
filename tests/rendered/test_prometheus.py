"""What Prometheus is told to ask, as its own tool reads it."""

import shutil
import subprocess

import pytest
import yaml

# What Prometheus gets is the same for every chip.
pytestmark = pytest.mark.parametrize("release", ["linux-x86-64"], indirect=True)


@pytest.fixture
def configured(release, tmp_path):
    """The folder of Prometheus' files, as its image has them."""
    for path, content in release.images["prometheus"].files.items():
        (tmp_path / path).write_bytes(content)
    return tmp_path


def test_its_own_tool_accepts_the_configuration(configured):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        [promtool, "check", "config", configured / "prometheus.yml"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_with_an_endpoint_both_stores_and_the_mac_are_asked(release, configured):
    read = yaml.safe_load((configured / "prometheus.yml").read_text())
    asked = {
        (job["job_name"], target, job.get("metrics_path", "/metrics"))
        for job in read["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }
    endpoints = {n: it.port for n, it in release.stack.services.items() if it.endpoint}
    assert len(endpoints) == 10
    assert asked == {
        *(("nautilus", f"{name}:{port}", "/metrics") for name, port in endpoints.items()),
        ("prometheus", "localhost:9090", "/metrics"),
        ("stores", "backend:8001", "/metrics/stores"),
        ("mac", "nginx:9100", "/metrics"),
    }


def test_the_port_of_the_monitors_file_is_not_published(release):
    assert release.containers["nginx"].ports == ("127.0.0.1:80->8080",)
