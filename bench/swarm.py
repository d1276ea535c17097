"""A Mac of a swarm is lost: how long until Swarm runs its stateless services elsewhere.

Three hosts of the lab, all managers, with Nautilus. Each round kills the daemon of the leader, one
that holds neither Postgres' nor Redis' data: without these no engine is healthy. When all is well
without it, it is started again, leaves the swarm as a Mac that is set up anew has, and joins again
by a run.
"""

import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pprint import pformat
from runpy import run_path
from time import monotonic, sleep

from bench.command import BenchError, Finished, run
from bench.host import HOME
from bench.result import Result, Target
from lab.faults import Faults
from lab.hosts import ssh_command
from lab.machine import registry_settings
from lab.settings import Settings
from lab.spec import HostState, pyinfra_groups, read_state
from stack.load import load_stack
from stack.model import Stack

STORES = {"postgres", "redis"}
PATIENCE_S = 300
SAMPLE_S = 0.5
SUBNET = "10.213.7.0/24"
BACK = "seconds until these are healthy on the others"
NODES = ("node", "ls", "--format", "{{.Status}}")
SERVICE = '{{.Label "dev.drydock.service"}}'
LEADS, READY = "{{.ManagerStatus.Leader}}", "{{.Status.State}} {{.ManagerStatus.Reachability}}"
MANAGES = "ready reachable"


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
        return _Trial(settings, states, _nautilus(), _deploy(directory, states)).result(rounds)
    finally:
        run([*lab, "down"], environment)


@dataclass(frozen=True)
class _Trial:
    settings: Settings
    states: Mapping[str, HostState]
    stack: Stack
    deploy: Sequence[str]

    def result(self, rounds: int) -> Result:
        """Deploy, and lose a host so many times."""
        samples: dict[str, list[float]] = {
            "seconds of the first run": [run(self.deploy).wall_s],
            "seconds of a run with nothing to do": [],
            "seconds until another manager leads": [],
            "services without data that ran on the lost host": [],
            BACK: [],
            "seconds of the run by which it joins again": [],
        }
        for _ in range(rounds):
            for figures, it in zip(list(samples.values())[1:], self._round(), strict=True):
                figures.append(it)
        self._nothing_to_do()
        return Result(
            "swarm",
            f"{len(self.stack.services)} services on three managers, whose leader's daemon was"
            f" killed; it left and joined again, {rounds} times",
            samples,
            (Target("slowest until all are healthy", max(samples[BACK]), 60, "s"),),
        )

    def _round(self) -> tuple[float, ...]:
        nothing_s = self._nothing_to_do().wall_s
        lost = self._leader_without_stores()
        others = [name for name in self.states if name != lost]
        ran = self._healthy(lost)
        held = {name for name in ran if self.stack.services[name].volumes}
        faults = Faults(self.settings, self.states[lost])
        faults.end_daemon(signal.SIGKILL)
        led_s = _until(lambda: any(map(self._leads, others)), "another manager leads")
        back_s = led_s + _until(
            lambda: not self._missing(others, held), "all without data are back"
        )
        for other in others:
            said = self._itself(other, READY)
            if said != MANAGES:
                raise BenchError(f"{other} is {said} without {lost}: no quorum is kept")
        faults.start_daemon()
        self._docker(lost, "swarm", "leave", "--force")
        _until(lambda: "Down" in self._docker(others[0], *NODES), "its former node is down")
        return nothing_s, led_s, len(ran - held), back_s, run(self.deploy).wall_s

    def _nothing_to_do(self) -> Finished:
        """A run that must find nothing to do, with all services healthy."""
        again = run(self.deploy)
        if f"no changes: {self.stack.name} on 3 nodes" not in again.output:
            raise BenchError(f"the second run had something to do:\n{again.output}")
        if missing := self._missing(self.states, held=set()):
            raise BenchError(f"not healthy: {', '.join(sorted(missing))}")
        return again

    def _leader_without_stores(self) -> str:
        """The host that leads; where it holds a store's data, another is made to lead before."""
        while True:
            # Who was made one has yet to become it: with two alone no one may be lost.
            _until(lambda: all(map(self._manages, self.states)), "all are managers")
            _until(self._someone_leads, "a manager leads")
            leader = next(filter(self._leads, self.states))
            if not self._healthy(leader) & STORES:
                return leader
            # As a worker it leads no more; which of the others then does is Swarm's to say.
            node = self._docker(leader, "info", "--format", "{{.Swarm.NodeID}}")
            self._docker(leader, "node", "demote", node)
            _until(self._someone_leads, "another manager leads")
            next_one = next(filter(self._leads, self.states))
            self._docker(next_one, "node", "promote", node)

    def _someone_leads(self) -> bool:
        return any(map(self._leads, self.states))

    def _leads(self, name: str) -> bool:
        return self._itself(name, LEADS) == "true"

    def _manages(self, name: str) -> bool:
        return self._itself(name, READY) == MANAGES

    def _itself(self, name: str, shape: str) -> str:
        """What a node knows of itself in the swarm."""
        try:
            return self._docker(name, "node", "inspect", "self", "--format", shape)
        except BenchError:
            return "no manager"  # Or one that knows of no leader.

    def _missing(self, hosts: Iterable[str], held: set[str]) -> set[str]:
        """Services that are healthy on none of these hosts, but for those held elsewhere."""
        healthy = {service for name in hosts for service in self._healthy(name)}
        return self.stack.services.keys() - held - healthy

    def _healthy(self, name: str) -> set[str]:
        label = f"label=dev.drydock.swarm={self.stack.name}"
        words = ("ps", "--filter", label, "--filter", "health=healthy", "--format", SERVICE)
        return set(self._docker(name, *words).split())

    def _docker(self, name: str, *words: str) -> str:
        state = self.states[name]
        docker = ["env", f"DOCKER_HOST=unix://{state.socket}", state.cli, *words]
        return run(ssh_command(state, shlex.join(docker))).output.strip()


def _until(condition: Callable[[], bool], what: str) -> float:
    """Seconds until a condition holds."""
    began = monotonic()
    while not condition():
        if monotonic() - began > PATIENCE_S:
            raise BenchError(f"not within {PATIENCE_S} s: {what}")
        sleep(SAMPLE_S)
    return monotonic() - began


def _nautilus() -> Stack:
    read = run_path(str(HOME / "group_data/all.py"))
    return load_stack({"stack": read["stack"]}, {}).stack


def _deploy(directory: Path, states: Mapping[str, HostState]) -> list[str]:
    """The command that deploys Nautilus to the hosts as one."""
    ((group, hosts),) = pyinfra_groups(states.values(), registry_settings()).items()
    # The lab's kernel has no ESP, without which no packet of an encrypted network arrives.
    said = [
        (name, {**data, "swarm_address": states[name].address, "swarm_encryption": False})
        for name, data in hosts
    ]
    inventory = directory / "inventory.py"
    inventory.write_text(f"{group} = {pformat(said)}\n")
    pyinfra = str(Path(sys.executable).with_name("pyinfra"))
    # pyinfra reads a project's data from where it is run.
    return ["env", "-C", str(HOME), pyinfra, str(inventory), str(HOME / "swarm.py"), "-y"]
