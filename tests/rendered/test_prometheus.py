"""What Prometheus is told to ask, as its own tool reads it."""

import json
import shutil
import subprocess

import pytest
import yaml

from tests.rendered.conftest import release_for

# What Prometheus gets is the same for every chip.
TAG = "linux-x86-64"
pytestmark = pytest.mark.parametrize("release", [TAG], indirect=True)


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


def test_without_an_address_nobody_is_told(release, configured):
    assert "alertmanager" not in release.containers
    assert "alerting" not in yaml.safe_load((configured / "prometheus.yml").read_text())


@pytest.mark.parametrize(
    ("receiver", "said"),
    [("webhook", ("webhook_configs", "url_file")), ("slack", ("slack_configs", "api_url_file"))],
)
def test_where_an_address_is_set_alerts_go_there_and_no_file_has_it(
    release, tmp_path, receiver, said
):
    arguments = {"alertmanager": {"build": {"arguments": {"receiver": receiver}}}}
    data = {"alert_webhook": "https://hooks.example/token", "overrides": arguments}
    (tmp_path / "data.json").write_text(json.dumps(data))
    alerting = release_for(TAG, tmp_path / "data.json")
    read = yaml.safe_load(alerting.images["prometheus"].files["prometheus.yml"])
    (manager,) = read["alerting"]["alertmanagers"]
    assert manager["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    told = yaml.safe_load(alerting.images["alertmanager"].files["alertmanager.yml"])
    (person,) = told["receivers"]
    kind, address = said
    assert person[kind] == [{address: "/run/secrets/alert_webhook", "send_resolved": True}]
    assert any(it.endswith(":/run/secrets/alert_webhook:ro")
               for it in alerting.containers["alertmanager"].mounts)  # fmt: skip
    assert b"hooks.example" not in b"".join(alerting.files.values())
    assert len(alerting.containers) == len(release.containers) + 1 == 17
