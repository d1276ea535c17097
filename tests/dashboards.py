"""The queries of the dashboards as Grafana gets them, with its variables filled in."""

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "templates/grafana/dashboards"
FILES = sorted(FOLDER.glob("*.json"))
ENGINES = (
    "analytics", "factor", "features", "marketdata", "ml", "portfolio", "risk", "strategy",
    "websocket",
)  # fmt: skip
TIMES = {"$__rate_interval": "40s", "$__range": "10m"}
"""As Grafana fills them in: four scrapes, and what a person looks at."""


def read(file: Path) -> dict[str, Any]:
    """A dashboard."""
    return dict(json.loads(file.read_text()))


def panels_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Its panels, those of a folded row too; not the rows."""
    found = [it for panel in dashboard["panels"] for it in (panel, *panel.get("panels", ()))]
    return [it for it in found if it["type"] != "row"]


def variables_of(dashboard: dict[str, Any]) -> list[tuple[str, str]]:
    """PromQL of the series that each variable's values are from, and the label with the values."""
    asked = [it["query"] for it in dashboard.get("templating", {}).get("list", ())]
    found = [re.fullmatch(r"label_values\((.+), (\w+)\)", it) for it in asked]
    assert all(found), f"only label_values(SERIES, LABEL) is known here: {asked}"
    return [(it[1], it[2]) for it in found if it]


def expressions_of(dashboard: dict[str, Any]) -> Iterator[str]:
    """PromQL of its panels, its annotations and its variables, as it is written."""
    yield from (series for series, _ in variables_of(dashboard))
    for panel in panels_of(dashboard):
        yield from (target["expr"] for target in panel["targets"])
    yield from (it["expr"] for it in dashboard["annotations"]["list"])


def queries() -> list[str]:
    """Every query of every dashboard, for each engine that can be chosen, each once."""
    found: dict[str, None] = {}
    for file, service in product(FILES, ENGINES):
        for expression in expressions_of(read(file)):
            found[filled(expression, service)] = None
    return list(found)


def filled(expression: str, service: str) -> str:
    """PromQL with a value for each variable; one that is not known is an error."""
    values = {**TIMES, "$service": service}
    return re.sub(r"\$\w+", lambda name: values[name[0]], expression)
