"""What services used in the past, from the host's own Prometheus."""

from collections.abc import Collection

import httpx
from pyinfra.api.host import Host

from link.http import http_client
from stack.errors import DrydockError
from stack.report.recommendation import Quantiles, Used

CPUS, MEMORY = "drydock_container_cpus", "drydock_container_memory_bytes"
OF_LIMIT = "drydock_container_cpu_ratio"
DEPLOYED = "time() - max(drydock_deploy_last_timestamp_seconds)"
TIMEOUT_S = 30


class Prometheus:
    """Answers of one Prometheus to instant queries."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client, self._url = client, url

    def by_service(self, query: str) -> dict[str, float]:
        """Service → value; "" where a series has no service."""
        try:
            answer = self._client.get(f"{self._url}/api/v1/query", params={"query": query})
            said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DrydockError(f"Prometheus doesn't answer at {self._url}: {error}") from error
        if said.get("status") != "success":
            raise DrydockError(f"Prometheus refuses {query}: {said.get('error')}")
        return {
            each["metric"].get("service", ""): float(each["value"][1])
            for each in said["data"]["result"]
        }

    def used(self, running: Collection[str], window_s: int) -> dict[str, Used]:
        """What each running service used, as far as it is known.

        Nothing is taken from before the last deploy, which may have changed what a service does
        and what it may use.

        + window_s: how far to look back at most
        """
        since_deploy = self.by_service(DEPLOYED).get("", float(window_s))
        looked_s = max(60, min(window_s, int(since_deploy)))
        minutes = self.by_service(f"count_over_time({CPUS}[{looked_s}s:1m])")
        of_limit = self.by_service(f"max_over_time({OF_LIMIT}[{looked_s}s])")
        cpus, memory = (self._quantiles(metric, looked_s) for metric in (CPUS, MEMORY))
        known = minutes.keys() & of_limit.keys() & cpus.keys() & memory.keys()
        return {
            name: Used(int(minutes[name]), cpus[name], memory[name], of_limit[name])
            for name in running
            if name in known
        }

    def _quantiles(self, metric: str, window_s: int) -> dict[str, Quantiles]:
        p50, p95 = (
            self.by_service(f"quantile_over_time({part}, {metric}[{window_s}s])")
            for part in (0.5, 0.95)
        )
        most = self.by_service(f"max_over_time({metric}[{window_s}s])")
        # A series may begin between two of the questions.
        known = p50.keys() & p95.keys() & most.keys()
        return {name: Quantiles(p50[name], p95[name], most[name]) for name in known}


def history(host: Host, address: str, running: Collection[str], window_s: int) -> dict[str, Used]:
    """Ask the Prometheus at an address and port as the host itself sees them."""
    with http_client(host, TIMEOUT_S) as client:
        return Prometheus(client, f"http://{address}").used(running, window_s)
