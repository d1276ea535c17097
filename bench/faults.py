"""Deploys and rollbacks broken off at random moments: each time the same command must converge.

A client writes to Postgres and Redis all the while, and afterwards looks for what was acknowledged.
"""

import json
import os
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from random import Random
from time import monotonic

from bench.command import BenchError, run
from bench.host import Host, converge, lab_hosts
from bench.inside import Inside, running_inside
from bench.leftovers import leftovers
from bench.mishaps import MISHAPS, PATIENCE_S, ROOM, Place, chosen, ends
from bench.result import Result, Target
from lab.docker_desktop import docker_desktop
from lab.faults import Faults, wrong_clock
from lab.settings import Settings

SEED = 2026
CHANGED = ("websocket", "features")
"""Services that each deploy gives another environment; `risk` gets other memory."""
SAID = tuple(
    word
    for said in (f"min_free_disk={ROOM}", "lock_wait_s=90", "restart_docker=true")
    for word in ("--data", said)
)
"""Where the network went, the host waits a while for a sign of who held its lock; a daemon that was
killed may come back with the port of a container that it has lost (moby#25981)."""
RESTARTED = "restarting Docker Desktop, which holds port"


@dataclass
class Trial:
    """What the trials found."""

    random: Random
    rounds: int
    kinds: dict[str, int]
    """What may happen → how often in a turn."""
    took_s: dict[str, float]
    """Program → how long it takes when nothing happens."""
    broken: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Program → what happened in its middle → how often."""
    restarts: int = 0
    """How often the same command restarted Docker, to have a lost port back."""
    seconds: list[float] = field(default_factory=list)
    """How long the same command then took."""
    failures: list[str] = field(default_factory=list)
    ahead: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Program → what will happen to it, the next one last."""

    def next_kind(self, program: str) -> str:
        """What happens next to a program: each kind comes as often as it should, in any order."""
        ahead = self.ahead[program]
        if not ahead:
            ahead += [kind for kind, times in self.kinds.items() for _ in range(times)]
            self.random.shuffle(ahead)
        return ahead[-1]

    def count(self, program: str) -> int:
        """How often a program was broken off."""
        return self.broken[program].total()

    def happened(self, program: str, kind: str) -> None:
        """Count it; a run that was faster than its moment leaves it to the next one."""
        self.broken[program][kind] += 1
        self.ahead[program].pop()

    def tell(self, where: str, wrong: str | None = None) -> None:
        """Say how a trial ended, and how many there were."""
        if wrong is not None:
            self.failures.append(where)
        so_far = ", ".join(f"{self.count(it)} of {self.rounds} {it}" for it in self.took_s)
        said = f"converged in {self.seconds[-1]:.1f} s" if wrong is None else f"FAILED: {wrong}"
        print(f"[{so_far}; {len(self.failures)} failed] {where}: {said}", flush=True)


def faults(directory: Path, rounds: int) -> Result:
    """Break off `rounds` deploys and as many rollbacks, by what DRYDOCK_BENCH_FAULTS lists."""
    kinds = chosen(os.environ.get("DRYDOCK_BENCH_FAULTS"))
    (host,) = lab_hosts(1, directory)
    converge([host])
    if left := _left(host):
        raise BenchError(f"{host.state.name} isn't as a deploy leaves it: {left}")
    with running_inside(host, "rows.py", directory) as client:
        first_s = run(host.pyinfra("deploy.py", *_change(0))).wall_s
        took_s = dict.fromkeys(("deploy.py", "rollback.py"), first_s)
        # The same points each time, as far as the machine is as fast.
        trial = Trial(Random(SEED), rounds, kinds, took_s)  # noqa: S311
        number = 0
        while min(map(trial.count, trial.took_s)) < rounds:
            number += 1
            before = _current(host)
            _break_off(host, trial, client, ["deploy.py", *_change(number)])
            # Every other one has to find by itself, and find again, what ran before.
            said = ("--data", f"release={before}") if number % 2 else ()
            _break_off(host, trial, client, ["rollback.py", *said])
        run(host.pyinfra("deploy.py"))
    written = client.found
    happened = "; ".join(
        f"{program}: {', '.join(f'{kind} {times}' for kind, times in sorted(kinds.items()))}"
        for program, kinds in trial.broken.items()
    )
    return Result(
        "faults",
        f"at least {rounds} deploys and {rounds} rollbacks broken off ({happened}), then the same"
        " command",
        {
            "seconds until all was healthy": trial.seconds,
            "restarts of Docker among them": [trial.restarts],
            "rows acknowledged by Postgres": [written["postgres"]["acknowledged"]],
            "entries acknowledged by Redis": [written["redis"]["acknowledged"]],
        },
        (
            Target("did not converge by the same command", len(trial.failures), 0),
            Target("rows lost", written["postgres"]["missing"], 0),
            Target("entries lost", written["redis"]["missing"], 0),
        ),
    )


def _change(number: int) -> tuple[str, str]:
    said: dict[str, dict[str, object]] = {
        name: {"environment": {"ROUND": str(number)}} for name in CHANGED
    }
    said["risk"] = {"memory": f"{1024 + number} MiB"}
    # Of its image: something is built in each of them.
    said["nginx"] = {"build": {"arguments": {"burst": 400 + number}}}
    return "--data", f"overrides={json.dumps(said)}"


def _break_off(host: Host, trial: Trial, client: Inside, words: list[str]) -> None:
    """Break a command off, or not if it is faster; then the same command has to converge."""
    program = words[0]
    kind = trial.next_kind(program)
    mishap = MISHAPS[kind]
    at_s = trial.random.uniform(0, trial.took_s[program])
    where = f"{program} after {at_s:.1f} s, {kind}"
    command = host.pyinfra(*words, *SAID)
    environment = {**os.environ, **(wrong_clock(mishap.clock) if mishap.clock else {})}
    former = _current(host)
    with mishap.prepared(_place(host)) as happens:
        began = monotonic()
        process = subprocess.Popen(
            command, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        in_time = ends(process, at_s)
        if not in_time:
            happens(process)
            ended = ends(process, PATIENCE_S)
            process.kill()
            process.wait()
    if not in_time:
        trial.happened(program, kind)
        if ended:
            if words == ["rollback.py"] and _went_back(host, former):
                # It was done all the same: once more would lead one release further back.
                command = host.pyinfra(*words, "--data", f"release={_current(host)}", *SAID)
            _converges(host, trial, command, where)
        else:
            trial.tell(where, f"went on for {PATIENCE_S} s")
        if not client.runs:
            # A reboot ends all that is in the host's network.
            client.start()
    elif process.returncode:
        trial.tell(" ".join(words), f"ended with {process.returncode}")
    else:
        trial.took_s[program] = monotonic() - began


def _place(host: Host) -> Place:
    containers = {name: host.stack.container_name(name) for name in host.stack.services}
    directory = str(PurePosixPath(host.directory).parent)
    return Place(Faults(Settings.from_environment(), host.state), directory, containers)


def _converges(host: Host, trial: Trial, command: list[str], where: str) -> None:
    began, services = monotonic(), len(host.stack.services)
    try:
        with docker_desktop(Settings.from_environment(), host.state):
            said = run(command).output
        left = _left(host)
    except BenchError as error:
        trial.tell(where, str(error))
        return
    trial.seconds.append(monotonic() - began)
    trial.restarts += RESTARTED in said
    whole = f"{services}/{services} containers healthy" in said
    trial.tell(where, None if whole and not left else f"left {left or said}")


def _left(host: Host) -> str:
    script = leftovers(host.directory, host.docker(), host.stack.name)
    return run(host.ssh(script)).output.strip()


def _went_back(host: Host, former: str) -> bool:
    """Whether a rollback was done to the end, even if its process did not live to say so."""
    current = _current(host)
    record = run(host.ssh(f"cat {host.directory}/releases/{current}.json")).output
    return current != former and json.loads(record)["gone_back_from"] is None


def _current(host: Host) -> str:
    return run(host.ssh(f"readlink {host.directory}/current")).output.removeprefix("releases/")
