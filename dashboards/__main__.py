"""`python -m dashboards`: write every dashboard's JSON."""

import json
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import deploys, engine, mac, overview

FOLDER = Path(__file__).parents[1] / "templates/grafana/dashboards"
ALL = (overview, engine, mac, deploys)


def files() -> dict[str, str]:
    """File name → text, of all dashboards."""
    return {f"{it.__name__.rpartition('.')[2]}.json": text_of(it.dashboard()) for it in ALL}


def text_of(dashboard: Dashboard) -> str:
    """A dashboard as Grafana reads it."""
    content = json.loads(json.dumps(dashboard.build(), cls=JSONEncoder))
    # The SDK writes these always, and the Grafana of this stack is older than they are.
    for it in (*content["links"], *content["annotations"]["list"]):
        del it["placement"]
    for it in content.get("templating", {}).get("list", ()):
        del it["auto"], it["auto_min"], it["auto_count"]
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text)
