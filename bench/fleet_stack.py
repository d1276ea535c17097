"""The stack of a fleet: sixteen small services, ten with an endpoint, made of the tests' four."""

import shutil
from copy import deepcopy
from pathlib import Path
from pprint import pformat
from runpy import run_path
from typing import Any

from bench.host import HOME

SMALL = HOME / "tests/stories/small"
TIDES, PILOTS = 10, 4
HEALTH = {"interval_s": 30, "start_interval_s": 0.2}
"""Seldom, so that the one real host takes little of the machine while the others are measured."""


def write_project(folder: Path) -> Path:
    """Write a project with its data and templates; Nautilus' images take too long to build."""
    shutil.copytree(SMALL, folder)
    data = folder / "group_data/all.py"
    stack: dict[str, Any] = run_path(str(data))["stack"]
    services = {name: it for name, it in stack["services"].items() if "when" not in it}
    for name, times, port in ("tide", TIDES, 18001), ("pilot", PILOTS, 18101):
        for number in range(1, times):
            another = deepcopy(services[name])
            another["environment"]["PORT"] = str(port + number)
            if "port" in another:
                another["port"] = port + number
            services[f"{name}-{number + 1}"] = another
    for service in services.values():
        service["health"].update(HEALTH)
    stack["services"] = services
    data.write_text(f"stack = {pformat(stack, sort_dicts=False)}\n")
    return folder
