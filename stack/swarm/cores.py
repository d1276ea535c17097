"""Cores on each node: Swarm knows none (moby#33858), so containers get them while they run."""

from collections.abc import Mapping
from dataclasses import replace

from stack.load import Inputs
from stack.model import Chip, Daemon
from stack.planner.map import plan
from stack.quantities import cores_of, show_cores
from stack.swarm.placement import Place


def cores_by_service(
    inputs: Inputs, places: Mapping[str, Place], nodes: Mapping[str, tuple[Chip, Daemon]]
) -> dict[str, str]:
    """Service → cores on its node, planned for each node as for a Mac that runs only these.

    + nodes: host → its chip, and its daemon
    """
    found: dict[str, str] = {}
    for host, (chip, daemon) in nodes.items():
        here = {n: it for n, it in inputs.stack.services.items() if places[n].node == host}
        if not here:
            continue
        stack = inputs.stack.model_copy(update={"services": here})
        planned = plan(replace(inputs, stack=stack), chip, daemon).services
        found |= {name: _said(it.cpuset, daemon) for name, it in planned.items()}
    return found


def watched_cores(
    places: Mapping[str, Place], cores: Mapping[str, str], host: str, daemon: Daemon
) -> str:
    """What a host's monitor keeps: service and cores with a tab between them, a line each.

    One that may use all cores is left out: Swarm makes its containers so.
    """
    here = sorted(name for name, it in places.items() if it.node == host)
    pinned = [name for name in here if not same_cores(cores[name], "", daemon)]
    return "".join(f"{name}\t{cores[name]}\n" for name in pinned)


def same_cores(one: str, other: str, daemon: Daemon) -> bool:
    """Whether two cpusets of a daemon's containers are the same cores; "" is all of them."""
    return cores_of(_said(one, daemon)) == cores_of(_said(other, daemon))


def _said(cpuset: str | None, daemon: Daemon) -> str:
    # An empty cpuset can't be set on a container that has one.
    return cpuset or show_cores(tuple(range(daemon.cpus)))
