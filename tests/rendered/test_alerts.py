"""Each alert, tried by Prometheus' own tool on figures that it is for and on some it is not for."""

import json
import shutil
import subprocess
from dataclasses import dataclass

import pytest
import yaml

from tests.rendered.conftest import release_for

# What Prometheus gets is the same for every chip.
pytestmark = [
    pytest.mark.parametrize("release", ["linux-x86-64"], indirect=True),
    pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed"),
]

HOUR_S = 3600
RISK = '{service="risk"}'
BUCKETS = 'nautilus_request_seconds_bucket{service="risk",route="/risk/check",le="%s"}'
COUNT = 'nautilus_request_seconds_count{service="risk",route="/risk/check"}'
HEALTH = 'nautilus_request_seconds_bucket{service="risk",route="/health",le="%s"}'


@dataclass(frozen=True)
class Case:
    """Figures, a value every minute, and whether the alert is there at a time."""

    alert: str
    fires: bool
    series: dict[str, str]
    at: str
    labels: tuple[tuple[str, str], ...] = (("service", "risk"),)


def slow(requests_a_minute: int, bucket: str = BUCKETS, count: str = COUNT) -> dict[str, str]:
    """Every second request takes between 2.5 and 5 seconds."""
    every, half = f"0+{requests_a_minute}x30", f"0+{requests_a_minute // 2}x30"
    return {bucket % "0.1": half, bucket % "2.5": half, bucket % "5": every,
            bucket % "+Inf": every, count: every}  # fmt: skip


THERMAL, DISK = "drydock_thermal_pressure_level", "drydock_disk_free_bytes"
LAST_RUN = "drydock_monitor_last_run_timestamp_seconds"
BACKUP = "drydock_backup_last_success_timestamp_seconds"
MEMORY, LIMIT = (
    f"drydock_container_memory_bytes{RISK}",
    f"drydock_container_memory_limit_bytes{RISK}",
)
CPU = f"drydock_container_cpu_ratio{RISK}"
RESTARTS = f"drydock_container_restarts{RISK}"
UP = 'up{job="nautilus",instance="risk:8200",service="risk"}'
UP_LABELS = (("job", "nautilus"), ("instance", "risk:8200"), ("service", "risk"))
STORE = '{job="stores",instance="backend:8001"}'
STORE_LABELS = (("job", "stores"), ("instance", "backend:8001"))

SAYS = {
    "ContainerUnhealthy": "risk has been unhealthy for three minutes",
    "ContainerRestarting": "risk was restarted 4 times in 15 minutes",
    "MemoryNearLimit": "risk uses 95% of its memory limit",
    "CpuSaturated": "risk uses 99% of its CPU limit",
    "ThermalPressureHeavy": "the Mac is hot: thermal pressure is at level 2 of 4",
    "DiskNearlyFull": "the Mac's disk has 5GiB left",
    "BackupTooOld": "the last backup that succeeded is 1d 3h 0m 0s old",
    "MonitorSilent": "the monitor on the Mac writes nothing: heat, containers and disk are unknown",
    "EndpointDown": "risk:8200 does not answer Prometheus",
    "PostgresDown": "Postgres does not answer the backend",
    "RedisDown": "Redis does not answer the backend",
    "SlowAnswers": "one of a hundred requests to risk takes 4.95s or longer",
}
"""What a person reads of these figures."""

CASES = [
    Case("ContainerUnhealthy", True, {f"drydock_container_healthy{RISK}": "1 0x5"}, "5m"),
    Case("ContainerUnhealthy", False, {f"drydock_container_healthy{RISK}": "1 0 0 1x5"}, "5m"),
    Case("ContainerRestarting", True, {RESTARTS: "0 1 2 3 4 4 4"}, "6m"),
    Case("ContainerRestarting", False, {RESTARTS: "0 1 1 1 1 1 1"}, "6m"),
    # A new container counts from nothing again.
    Case("ContainerRestarting", False, {RESTARTS: "9 9 9 0 0 0 0"}, "6m"),
    Case("MemoryNearLimit", True, {MEMORY: "95x10", LIMIT: "100x10"}, "8m"),
    Case("MemoryNearLimit", False, {MEMORY: "85x10", LIMIT: "100x10"}, "8m"),
    Case("CpuSaturated", True, {CPU: "0.99x20"}, "16m"),
    Case("CpuSaturated", False, {CPU: "0.2 0.2 1 1 1 1 0.3x14"}, "16m"),
    Case("ThermalPressureHeavy", True, {THERMAL: "0 2x6"}, "5m", ()),
    Case("ThermalPressureHeavy", False, {THERMAL: "1x6"}, "5m", ()),
    Case("ThermalPressureHeavy", False, {DISK: "1x6"}, "5m", ()),
    Case("DiskNearlyFull", True, {DISK: f"{5 * 2**30}x10"}, "8m", ()),
    Case("DiskNearlyFull", False, {DISK: f"{50 * 2**30}x10"}, "8m", ()),
    Case("BackupTooOld", True, {BACKUP: "0x1680"}, "27h", ()),
    Case("BackupTooOld", False, {BACKUP: f"{2 * HOUR_S}x1680"}, "27h", ()),
    Case("MonitorSilent", True, {LAST_RUN: "0 60x30"}, "15m", ()),
    Case("MonitorSilent", True, {DISK: "1x30"}, "15m", ()),
    Case("MonitorSilent", False, {LAST_RUN: "0+60x30"}, "15m", ()),
    Case("EndpointDown", True, {UP: "1 0x5"}, "4m", UP_LABELS),
    Case("EndpointDown", False, {UP: "1x5"}, "4m", UP_LABELS),
    Case("EndpointDown", False, {'up{job="mac",instance="nginx:9100"}': "0x5"}, "4m", UP_LABELS),
    Case("PostgresDown", True, {f"pg_up{STORE}": "0x5"}, "4m", STORE_LABELS),
    Case("PostgresDown", False, {f"pg_up{STORE}": "1x5"}, "4m", STORE_LABELS),
    Case("RedisDown", True, {f"redis_up{STORE}": "0x5"}, "4m", STORE_LABELS),
    Case("RedisDown", False, {f"redis_up{STORE}": "1x5"}, "4m", STORE_LABELS),
    Case("SlowAnswers", True, slow(60), "15m"),
    Case("SlowAnswers", False, slow(6), "15m"),
    # The health check is asked all the time, and would hide or raise what clients see.
    Case("SlowAnswers", False, slow(60, HEALTH, COUNT.replace("/risk/check", "/health")), "15m"),
]


@pytest.fixture
def rules(release):
    return yaml.safe_load(release.images["prometheus"].files["alerts.yml"])


def severity(rules, alert):
    found = [it for group in rules["groups"] for it in group["rules"] if it["alert"] == alert]
    return found[0]["labels"]["severity"]


def test_every_alert_is_tried_both_ways(rules):
    alerts = {it["alert"] for group in rules["groups"] for it in group["rules"]}
    for fires in (True, False):
        assert {case.alert for case in CASES if case.fires is fires} == alerts


def test_alerts_are_there_when_they_should_be_and_not_else(release, rules, tmp_path):
    (tmp_path / "alerts.yml").write_bytes(release.images["prometheus"].files["alerts.yml"])
    tests = [
        {
            "name": f"{number}: {case.alert} {case.fires}",
            "interval": "1m",
            "input_series": [{"series": s, "values": v} for s, v in case.series.items()],
            "alert_rule_test": [
                {
                    "eval_time": case.at,
                    "alertname": case.alert,
                    "exp_alerts": [
                        {
                            "exp_labels": {
                                **dict(case.labels),
                                "severity": severity(rules, case.alert),
                            },
                            "exp_annotations": {"summary": SAYS[case.alert]},
                        }
                    ]
                    * case.fires,
                }
            ],
        }
        for number, case in enumerate(CASES)
    ]
    said = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yml").write_text(json.dumps(said))
    for words in (("check", "rules", "alerts.yml"), ("test", "rules", "tests.yml")):
        done = subprocess.run(
            ["promtool", *words], check=False, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_where_there_should_be_no_monitor_nobody_is_told_that_it_is_silent(rules):
    without = release_for("linux-x86-64", monitored=False).images["prometheus"].files["alerts.yml"]
    wanted = {
        "groups": [
            {**group, "rules": [it for it in group["rules"] if it["alert"] != "MonitorSilent"]}
            for group in rules["groups"]
        ]
    }
    assert yaml.safe_load(without) == wanted


def test_a_case_that_is_wrong_would_fail(release, rules, tmp_path):
    (tmp_path / "alerts.yml").write_bytes(release.images["prometheus"].files["alerts.yml"])
    silent = {"eval_time": "15m", "alertname": "MonitorSilent", "exp_alerts": []}
    said = {
        "rule_files": ["alerts.yml"],
        "tests": [{"interval": "1m", "input_series": [], "alert_rule_test": [silent]}],
    }
    (tmp_path / "tests.yml").write_text(json.dumps(said))
    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "tests.yml"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the monitor on the Mac writes nothing" in done.stdout + done.stderr
