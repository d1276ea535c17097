"""Every query of the dashboards has data in the Prometheus of a stack that runs."""

import json
from collections.abc import Iterable
from pathlib import Path
from time import time
from urllib.parse import urlencode

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from tests.dashboards import ENGINES, FOLDER, queries, read, variables_of
from tests.stories.mac import Mac

pytestmark = pytest.mark.lab
PATIENCE_S = 60
SERVICES = ("postgres", "redis", "backend", "nginx", *ENGINES)
PORTS = (8001, *range(8100, 9000, 100))
MONITOR = "~/.drydock/nautilus/monitor"


def recorded() -> str:
    """What the monitor on a Mac writes, in a state where it has all figures."""
    per_service = {"cpu_ratio": 0.2, "cpus": 0.4, "memory_bytes": 3e8, "memory_limit_bytes": 1e9,
                   "restarts": 0, "healthy": 1}  # fmt: skip
    alone = {
        "thermal_pressure_level": 1, "disk_free_bytes": 2e11, "vm_memory_bytes": 3e10,
        "monitor_last_run_timestamp_seconds": time(),
        "backup_last_success_timestamp_seconds": time() - 3600,
        "deploy_last_timestamp_seconds": time() - 60,
    }  # fmt: skip
    lines = [f"drydock_{name} {value}" for name, value in alone.items()]
    lines += [
        f'drydock_container_{name}{{service="{service}"}} {value}'
        for name, value in per_service.items()
        for service in SERVICES
    ]
    lines += ['drydock_container_cores{service="risk",cores="0-1"} 1']
    lines += [
        f'drydock_core_{name}{{core="{core}"}} 0.2'
        for name in ("cpus", "limit_cpus")
        for core in range(2)
    ]
    return "\n".join([*lines, ""])


def unanswered(mac: Mac, asked: Iterable[str]) -> list[str]:
    """Which queries Prometheus has no data for now; an error is none."""
    base = "http://127.0.0.1:9090/api/v1/query?"
    urls = [f"'{base}{urlencode({'query': it})}'" for it in asked]
    # Requests like a client's, so that there is something to show.
    clients = " ".join(f"http://127.0.0.1:{port}/openapi.json" for port in PORTS)
    mac.sh(f"curl -fsS -o /dev/null {clients.replace(' ', ' -o /dev/null ')}")
    said = mac.sh(f"curl -sS -w '\\n' {' '.join(urls)}").splitlines()
    answers = [json.loads(line) for line in said]
    assert [it for it in answers if it["status"] != "success"] == []
    return [it for it, answer in zip(asked, answers, strict=True) if not answer["data"]["result"]]


def values(mac: Mac, series: str, label: str) -> list[str]:
    """What a person can choose, as Grafana asks for it: a label's values in some series."""
    asked = urlencode({"match[]": series})
    url = f"http://127.0.0.1:9090/api/v1/label/{label}/values?{asked}"
    return list(json.loads(mac.sh(f"curl -fsS '{url}'"))["data"])


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_every_query_of_every_dashboard_has_data(mac1: Mac, tmp_path: Path) -> None:
    left = queries()
    assert len(left) > 60

    def still() -> list[str]:
        # As the monitor writes it, which runs here too and has no heat and no backup to tell of.
        # Everything from there on is the stack's own.
        written = f"cat >recorded <<'END'\n{recorded()}END\nmv recorded metrics.prom"
        mac1.sh(f"cd {MONITOR} && {written}")
        left[:] = unanswered(mac1, left)
        return left

    wait = Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_delay(PATIENCE_S),
        wait=wait_fixed(2),
        retry_error_callback=lambda _: left,
    )
    assert wait(still) == []

    (asked,) = variables_of(read(FOLDER / "engine.json"))
    assert values(mac1, *asked) == sorted(ENGINES)
