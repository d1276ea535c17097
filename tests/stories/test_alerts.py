"""An alert reaches whoever is to know, at an address that nobody else learns."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from time import monotonic
from typing import Any

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project, Run
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
PATIENCE_S = 30
ALERTMANAGER = "http://127.0.0.1:19093"


class Receiver(ThreadingHTTPServer):
    """Somebody's webhook, outside of the Mac: keeps what it is sent, with the path."""

    def __init__(self, address: str) -> None:
        self.received: Queue[tuple[str, dict[str, Any]]] = Queue()
        super().__init__((address, 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.put((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing: the test tells what matters."""


@pytest.fixture
def receiver(lab: Lab) -> Iterator[Receiver]:
    server = Receiver(str(lab.settings.gateway))
    yield server
    server.shutdown()
    server.server_close()


def ring(mac: Mac, alert: str) -> None:
    """Tell Alertmanager of an alert, as Prometheus does."""
    said = json.dumps([{"labels": {"alertname": alert, "service": "tide"}}])
    kind = "Content-Type: application/json"
    mac.sh(f"curl -fsS -H '{kind}' -d '{said}' {ALERTMANAGER}/api/v2/alerts")


def next_message(receiver: Receiver) -> tuple[str, str]:
    """Path and alert of what arrives next."""
    path, message = receiver.received.get(timeout=PATIENCE_S)
    return path, message["alerts"][0]["labels"]["alertname"]


def test_alerts_reach_the_webhook_of_the_hosts_data_and_its_address_stays_a_secret(
    running: Project, mac2: Mac, receiver: Receiver
) -> None:
    assert "harbour-bell" not in mac2.containers("harbour")
    shows = ("--diff", "-vvv", "--debug")
    on = running.deploy(*shows, hosts="mac2", alert_webhook=receiver.url("/token-of-one"))
    ring(mac2, "First")
    assert next_message(receiver) == ("/token-of-one", "First")

    before = mac2.identities("harbour")
    other = running.deploy(*shows, hosts="mac2", alert_webhook=receiver.url("/token-of-two-long"))
    assert "release: secret alert_webhook, another value: written" in other.words
    assert mac2.identities("harbour") == before
    ring(mac2, "Second")
    assert next_message(receiver) == ("/token-of-two-long", "Second")

    shown = [on.text, other.text, json.dumps(mac2.containers("harbour"))]
    shown += [
        mac2.docker("logs", "harbour-bell"),
        mac2.sh("cat ~/.drydock/harbour/releases/*.json"),
    ]
    holders = mac2.sh("grep -rl token-of ~/.drydock/harbour").splitlines()
    assert "token-of" not in "".join(shown)
    assert [path.partition("/harbour/")[2] for path in holders] == ["secrets/alert_webhook"]

    running.deploy(hosts="mac2")
    assert "harbour-bell" not in mac2.containers("harbour")


def test_what_a_rule_finds_goes_all_the_way_to_a_person(
    nautilus: Project, nautilus_on_mac1: Run, mac1: Mac, receiver: Receiver
) -> None:
    """From the monitor's file by nginx, Prometheus, its rule and Alertmanager to a webhook."""
    assert "nautilus-alertmanager" not in nautilus_on_mac1.text
    nautilus.deploy(hosts="mac1", alert_webhook=receiver.url("/on-call"))
    backed_up = "~/.drydock/nautilus/backed_up"
    try:
        mac1.sh(f"echo $(($(date +%s) - 30 * 3600)) >{backed_up}")
        mac1.sh("launchctl kickstart -k user/$(id -u)/dev.drydock.nautilus.monitor")
        path, alert = told_of(receiver, "BackupTooOld")
    finally:
        mac1.sh(f"rm -f {backed_up}")
        nautilus.deploy(hosts="mac1")
        # It is kept for a rollback, of which other stories know nothing.
        mac1.sh("rm -f ~/.drydock/nautilus/secrets/alert_webhook")
    assert (path, alert["status"]) == ("/on-call", "firing")
    assert alert["labels"]["severity"] == "warning"
    assert alert["annotations"]["summary"].startswith("the last backup that succeeded is 1d 6h ")
    assert "nautilus-alertmanager" not in mac1.containers("nautilus")


def told_of(receiver: Receiver, name: str) -> tuple[str, dict[str, Any]]:
    """Path and alert of the message about this one, whatever else is told before."""
    until = monotonic() + 3 * PATIENCE_S
    while True:
        path, message = receiver.received.get(timeout=until - monotonic())
        for alert in message["alerts"]:
            if alert["labels"]["alertname"] == name:
                return path, alert
