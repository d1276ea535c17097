"""A run with nothing to do on many hosts, against Ansible on the same hosts with the same forks.

Sixteen small services a host. The hosts' sshd, files, shells and Docker CLIs are real; their
daemons are doubles that replay one real daemon's answers (`bench/recorded.py`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import ansible
from bench.cgroup import Group, Spent, group
from bench.command import BenchError, run
from bench.fleet_hosts import fleet as started
from bench.fleet_hosts import record, refuse_unknown
from bench.fleet_stack import write_project
from bench.host import Host, converge, hosts_of, lab_hosts, nothing_to_do, pyinfra, unchanged
from bench.nothing import compose_up
from bench.result import Result, Target
from lab.settings import Settings

SIZES = "1,5,20,100"
FORKS = 20
MIB = 1024**2
MOST_OF_ANSIBLE, MOST_GROWTH = 0.35, 1.0
DATA = {"monitor": "off"}
"""A hundred monitors would wake up on the machine that measures."""

Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Fleet:
    """Hosts that are ready, and what each contender counts itself in."""

    hosts: Sequence[Host]
    playbook: ansible.Playbook
    directory: Path
    ours: Group
    theirs: Group

    def drydock(self, size: int) -> Spent:
        """Deploy to so many hosts."""
        hosts = self.hosts[:size]
        words = pyinfra(hosts, "deploy.py", "--parallel", str(FORKS))
        spent = self.ours.run(words, {}, hosts[0].project)
        unchanged(spent.finished, size)
        return spent

    def ansible(self, size: int) -> Spent:
        """Run the playbook on so many hosts."""
        states = [host.state for host in self.hosts[:size]]
        playbook = self.playbook.on(states, self.directory / "fleet.json", FORKS)
        spent = self.theirs.run(playbook.argv, playbook.environment, self.directory)
        ansible.unchanged(spent.finished, size)
        return spent


def fleet(directory: Path, rounds: int) -> Result:
    """Time both on 1, 5, 20 and 100 hosts, or on as many as DRYDOCK_BENCH_HOSTS says.

    Ansible is left out on more hosts than DRYDOCK_BENCH_ANSIBLE says: a hundred take it long.
    """
    sizes = sizes_of(os.environ.get("DRYDOCK_BENCH_HOSTS", SIZES))
    both = max(sizes_of(os.environ.get("DRYDOCK_BENCH_ANSIBLE", SIZES)))
    settings = Settings.from_environment()
    project = write_project(directory / "project")
    (found,) = lab_hosts(1, directory, project)
    (mac,) = hosts_of([found.state], directory, project, **DATA)
    converge([mac])
    playbook = ansible.prepare(mac, directory)
    # Compose takes for stale what was created without its dependencies: let it be content first.
    run(compose_up(mac))
    converge([mac])
    recording = record(settings, mac, lambda: (nothing_to_do([mac]), playbook.run()))
    samples: Samples = {}
    with (
        started(settings, mac, max(sizes), recording, directory) as states,
        group(f"{settings.name}-bench-drydock") as ours,
        group(f"{settings.name}-bench-ansible") as theirs,
    ):
        hosts = hosts_of(states, directory, project, **DATA)
        ready = Fleet(hosts, playbook, directory, ours, theirs)
        for contend in ready.drydock, ready.ansible:
            contend(1)
        for size in sizes:
            contenders = (ready.drydock, ready.ansible) if size <= both else (ready.drydock,)
            for _ in range(rounds):
                for contend in contenders:
                    _keep(samples, f"{size}: {contend.__name__}", contend(size), size)
            refuse_unknown(settings, states)
    return Result(
        "fleet",
        f"hosts with 16 small services, nothing to do, {FORKS} at once: the control process with"
        " all that it starts",
        samples,
        tuple(targets(samples, sizes)),
    )


def sizes_of(text: str) -> list[int]:
    """Numbers of hosts, in order; BenchError for anything else."""
    words = text.split(",")
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise BenchError(f"{text!r} is no number of hosts; DRYDOCK_BENCH_HOSTS is like {SIZES}")
    return sorted(set(map(int, words)))


def _keep(samples: Samples, who: str, spent: Spent, size: int) -> None:
    found = {
        "wall s": spent.finished.wall_s,
        "CPU s a host": spent.cpu_s / size,
        "most MiB a host": spent.peak_bytes / MIB / size,
    }
    for what, value in found.items():
        samples.setdefault(f"{who}, {what}", []).append(value)


def targets(samples: Samples, sizes: Sequence[int]) -> list[Target]:
    """CPU against Ansible's for each number of hosts, and from the first of five or more on
    against the cost of a host there."""

    def cpu_s(size: int, who: str) -> float:
        return median(samples[f"{size}: {who}, CPU s a host"])

    ratios = [
        Target(
            f"{size}: drydock / ansible, CPU",
            cpu_s(size, "drydock") / cpu_s(size, "ansible"),
            MOST_OF_ANSIBLE,
        )
        for size in sizes
        if f"{size}: ansible, CPU s a host" in samples
    ]
    first, *others = [size for size in sizes if size >= 5] or [0]
    growths = [
        Target(
            f"CPU a host, {size} hosts / {first}",
            cpu_s(size, "drydock") / cpu_s(first, "drydock"),
            MOST_GROWTH,
        )
        for size in others
    ]
    return [*ratios, *growths]
