"""A Mac of a swarm is lost: how long until Swarm runs its stateless services elsewhere.

Three hosts of the lab, all managers, with the small stack of the tests. Each round kills the daemon
of one that runs services without data, and starts it again when all is well without it.
"""

import shlex
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from pprint import pformat
from time import monotonic, sleep

from bench.command import BenchError, Finished, run
from bench.host import HOME
from bench.result import Result, Target
from lab.faults import Faults
from lab.hosts import ssh_command
from lab.machine import registry_settings
from lab.settings import Settings
from lab.spec import HostState, pyinfra_groups, read_state

STACK = HOME / "tests/stories/small"
SERVICES = {"store", "tide", "pilot", "gate"}
WITH_DATA = "store"
PATIENCE_S = 180
SAMPLE_S = 0.5
SUBNET = "10.213.7.0/24"
LISTING = ("ps", "--filter", "label=dev.drydock.swarm=harbour", "--filter", "health=healthy")


def swarm(directory: Path, rounds: int) -> Result:
    """Lose a host and get it back, `rounds` times, in a lab of its own."""
    default = Settings.from_environment()
    environment = {
        "DRYDOCK_LAB_NAME": "swarm",
        "DRYDOCK_LAB_DIR": str(default.run.with_name("drydock-swarm")),
        "DRYDOCK_LAB_CACHE": str(default.cache),
        "DRYDOCK_LAB_SUBNET": SUBNET,
    }
    settings = Settings.from_environment(environment)
    lab = [sys.executable, "-m", "lab"]
    run([*lab, "up", "--n", "3", "--chips", "m1", "--runtimes", "colima"], environment)
    try:
        states = read_state(settings.state_file)
        return _trial(settings, states, _project(directory, states), rounds)
    finally:
        run([*lab, "down"], environment)


def _trial(
    settings: Settings, states: Mapping[str, HostState], deploy: list[str], rounds: int
) -> Result:
    first = run(deploy)
    elsewhere: list[float] = []
    returned: list[float] = []
    for _ in range(rounds):
        again = run(deploy)
        if "no changes: harbour on 3 nodes" not in again.output:
            raise BenchError(f"the second run had something to do:\n{again.output}")
        lost = _without_data(states)
        faults = Faults(settings, states[lost])
        others = {name: state for name, state in states.items() if name != lost}
        faults.end_daemon(signal.SIGKILL)
        began = monotonic()
        _until_healthy(others, began)
        elsewhere.append(monotonic() - began)
        faults.start_daemon()
        returned.append(_back(deploy).wall_s)
    return Result(
        "swarm",
        f"the daemon of one of three managers killed and started again, {rounds} times",
        {
            "seconds of the first run": [first.wall_s],
            "seconds until all services are healthy on the others": elsewhere,
            "seconds of the run after its return": returned,
        },
        (Target("slowest until all are healthy", max(elsewhere), 60, "s"),),
    )


def _project(directory: Path, states: Mapping[str, HostState]) -> list[str]:
    """The command that deploys the small stack to the hosts as one."""
    project = Path(shutil.copytree(STACK, directory / "small"))
    ((group, hosts),) = pyinfra_groups(states.values(), registry_settings()).items()
    # The lab's kernel has no ESP, without which no packet of an encrypted network arrives.
    said = [
        (name, {**data, "swarm_address": states[name].address, "swarm_encryption": False})
        for name, data in hosts
    ]
    inventory = project / "inventory.py"
    inventory.write_text(f"{group} = {pformat(said)}\n")
    pyinfra = str(Path(sys.executable).with_name("pyinfra"))
    # pyinfra reads a project's data from where it is run.
    return ["env", "-C", str(project), pyinfra, str(inventory), str(HOME / "swarm.py"), "-y"]


def _healthy(state: HostState) -> set[str]:
    words = [*LISTING, "--format", '{{.Label "dev.drydock.service"}}']
    docker = ["env", f"DOCKER_HOST=unix://{state.socket}", state.cli, *words]
    return set(run(ssh_command(state, shlex.join(docker))).output.split())


def _without_data(states: Mapping[str, HostState]) -> str:
    """A host that runs services, but not the one whose data is there alone."""
    running = {name: _healthy(state) for name, state in states.items()}
    return next(name for name, it in running.items() if it and WITH_DATA not in it)


def _until_healthy(others: Mapping[str, HostState], began: float) -> None:
    while SERVICES - {name for state in others.values() for name in _healthy(state)}:
        if monotonic() - began > PATIENCE_S:
            raise BenchError(f"not all services are back after {PATIENCE_S} s")
        sleep(SAMPLE_S)


def _back(deploy: list[str]) -> Finished:
    """The run that finds the host again, as soon as its daemon has found the swarm."""
    began = monotonic()
    while True:
        try:
            return run(deploy)
        except BenchError:
            if monotonic() - began > PATIENCE_S:
                raise
