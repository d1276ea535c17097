"""Recommend a map from what services really used: `pyinfra inventory.py recommend.py -y`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.history import history
from facts.plan import plan_host
from operations.refusal import fails_alone
from operations.report import made_folder
from stack.changes.heat import uncapped
from stack.errors import DrydockError
from stack.report.recommendation import gain, recommend
from stack.report.recommendation_lines import as_data, seconds_of, table_of

PROMETHEUS = "prometheus"
WINDOW = "7d"


@fails_alone
def main(host: Host) -> None:
    """Read the history, say what was used and what would fit, and write it as data to review."""
    plan = plan_host(host)
    stack, detected, inputs = plan.release.stack, plan.detected, plan.inputs
    port = stack.services[PROMETHEUS].published_port if PROMETHEUS in stack.services else None
    if inputs is None or port is None:
        raise DrydockError(f"the stack has no service {PROMETHEUS} with a port to ask")
    window_s = seconds_of(str(host.data.get("window") or WINDOW))
    names = {stack.container_name(name): name for name in stack.services}
    found = uncapped(stack, plan.observed, plan.capped).containers.items()
    running = {names[name]: it.resources for name, it in found if name in names and it.running}
    used = history(host, f"{plan.settings.reached_at}:{port}", running, window_s)
    found_map = recommend(inputs, detected.chip, detected.daemon, running, used)

    for line in table_of(running, used, found_map):
        host.log(line)
    for name, why in found_map.left_alone.items():
        host.log(f"{name}: left alone, {why}")
    if not found_map.overrides:
        raise DrydockError("nothing is known that a map could be fitted to: ask again later")
    for line in (*gain(running, found_map.map.services, detected.daemon.cpus), *found_map.doubts):
        host.log(line)
    file = made_folder(host.name) / "overrides.py"
    file.write_text(as_data(found_map, host.name), encoding="utf-8")
    host.log(f"{file}: review it, and put it in group_data; the next deploy applies it live")


main()
