"""Let a running Nautilus trade on simulated prices: `pyinfra inventory.py demo.py`."""

import sys
from pathlib import Path
from typing import Any

import httpx
from pyinfra.api.host import Host
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.detect import inputs_of
from link.http import http_client
from operations.refusal import fails_alone
from stack.errors import DrydockError

PORTFOLIO = "demo"
CASH = 1_000_000
LIMITS = {"portfolio": PORTFOLIO, "max_position_notional": 50_000, "max_leverage": 2}
SYMBOLS = ["ALFA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT", "GOLF", "HOTEL"]
STRATEGIES = {
    "demo-trend": {"kind": "ema_cross", "fast": 5, "slow": 20, "short": True},
    "demo-reversion": {"kind": "bollinger_reversion", "period": 20, "short": True},
    "demo-model": {"kind": "follow_model", "model": "price", "short": True},
    "demo-factor": {"kind": "follow_factor", "factor": "momentum", "short": True},
    # Wants more than the limits allow, so that there is something to refuse.
    "demo-greedy": {"kind": "buy_and_hold"},
}
QUANTITIES = {
    "demo-trend": 100,
    "demo-reversion": 50,
    "demo-model": 50,
    "demo-factor": 50,
    "demo-greedy": 10_000,
}
TICKS_PER_SECOND = 40
# Enough for every window and for a first model to learn from.
HISTORY_S, LIVE_S = 600, 3_600
SIMULATION = {
    "symbols": SYMBOLS,
    "seed": 2026,
    "ticks_per_second": TICKS_PER_SECOND,
    "history_s": HISTORY_S,
    "ticks": TICKS_PER_SECOND * (HISTORY_S + LIVE_S),
}
ENGINES = ("marketdata", "portfolio", "risk", "strategy", "websocket")
# Everything that a tick leads to; `broadcast` is for people.
TOPICS_FED = 10
PATIENCE_S = 120


class Engines:
    """The engines of one host, as their own clients ask them."""

    def __init__(self, host: Host) -> None:
        inputs = inputs_of(host)
        services = inputs.stack.services
        missing = [name for name in ENGINES if name not in services]
        if missing:
            raise DrydockError(f"{host.name}: the stack has no {', '.join(missing)} to show")
        self._ports = {name: services[name].published_port for name in ENGINES}
        self._host, self._at = host, inputs.settings.reached_at
        self._client = http_client(host, timeout_s=30)

    def ask(self, engine: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and answer; 409 is an answer too: what is asked for is there already."""
        url = f"http://{self._at}:{self._ports[engine]}{path}"
        try:
            answer = self._client.request(method, url, json=body)
        except httpx.TransportError as error:
            raise DrydockError(
                f"{self._host.name}: {engine} does not answer at {url} ({error}): deploy first"
            ) from error
        if not answer.is_success and answer.status_code != httpx.codes.CONFLICT:
            raise DrydockError(
                f"{self._host.name}: {engine} refuses {method} {path}: "
                f"{answer.status_code} {answer.text[:500]}"
            )
        return answer.status_code, answer.json()

    def close(self) -> None:
        """End the connections."""
        self._client.close()


def _prepare(host: Host, engines: Engines) -> None:
    engines.ask("risk", "POST", "/risk/limits", LIMITS)
    host.log(f"limits of {PORTFOLIO}: {LIMITS['max_position_notional']:,} a position, leverage 2")
    status, _ = engines.ask("portfolio", "POST", f"/portfolios/{PORTFOLIO}/open", {"cash": CASH})
    opened = "is open already" if status == httpx.codes.CONFLICT else f"opened with {CASH:,}"
    host.log(f"portfolio {PORTFOLIO}: {opened}")
    for name, rule in STRATEGIES.items():
        definition = {"id": name, "portfolio": PORTFOLIO, "symbols": SYMBOLS, "rule": rule}
        engines.ask("strategy", "POST", "/strategies", {**definition, "quantity": QUANTITIES[name]})
        engines.ask("strategy", "POST", f"/strategies/{name}/deploy")
        _, strategy = engines.ask("strategy", "POST", f"/strategies/{name}/start")
        host.log(f"strategy {name}: {strategy['state']}")


def _simulate(host: Host, engines: Engines) -> None:
    status, _ = engines.ask("marketdata", "POST", "/feeds/simulator", SIMULATION)
    if status == httpx.codes.CONFLICT:
        host.log("simulator: is running already")
    else:
        host.log(
            f"simulator: {len(SYMBOLS)} instruments, {TICKS_PER_SECOND} ticks/s for an hour, "
            f"after {HISTORY_S // 60} minutes of history"
        )


def _fed(topics: list[dict[str, Any]]) -> list[str]:
    """Topics that a tick leads to and that have messages."""
    return [it["topic"] for it in topics if it["messages"] and it["topic"] != "broadcast"]


def _watch(host: Host, engines: Engines) -> None:
    """Say how many messages each topic has, once all have some or patience ends."""
    patiently = Retrying(
        retry=retry_if_result(lambda topics: len(_fed(topics)) < TOPICS_FED),
        stop=stop_after_delay(PATIENCE_S),
        wait=wait_fixed(1),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else [],
    )
    topics = patiently(lambda: engines.ask("websocket", "GET", "/topics")[1])
    told = {topic["topic"]: topic["messages"] for topic in topics if topic["messages"]}
    host.log("messages: " + ", ".join(f"{name} {count}" for name, count in told.items()))
    silent = [t["topic"] for t in topics if not t["messages"] and t["topic"] != "broadcast"]
    if silent:
        host.log(f"nothing yet on {', '.join(silent)}")
    host.log("look at it: the frontend's pages, whose address `open.py` tells")


@fails_alone
def main(host: Host) -> None:
    """Set limits, open a portfolio, start strategies and the simulator; say what flows."""
    engines = Engines(host)
    try:
        _prepare(host, engines)
        _simulate(host, engines)
        _watch(host, engines)
    finally:
        engines.close()


main()
