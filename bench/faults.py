"""Deploys and rollbacks broken off at random moments: each time the same command must converge.

A client writes to Postgres and Redis all the while, and afterwards looks for what was acknowledged.
"""

import json
import signal
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from bench.command import BenchError, run
from bench.host import Host, converge, lab_hosts
from bench.inside import Inside, running_inside
from bench.result import Result, Target
from lab.faults import Faults
from lab.settings import Settings

SEED = 2026
PATIENCE_S = 180
CHANGED = ("websocket", "features")
"""Services that each deploy gives another environment; `risk` gets other memory."""
# A look of the monitor has files of its own while it lasts.
LEFTOVERS = r"""
find {directory} -maxdepth 2 ! -path '*/monitor/*' \( -name lock -o -name 'lock-*' \
    -o -name 'incoming*' -o -name 'current-*' -o -name '*.new' \)
{docker} ps --all --filter label=dev.drydock.stack={stack} \
    --format '{{{{.Names}}}} {{{{.Status}}}}' | grep -v '(healthy)'
{docker} network ls --filter label=com.docker.compose.project={stack} --quiet | sed 1d
true
"""


@dataclass
class Trial:
    """What the trials found."""

    random: Random
    took_s: dict[str, float]
    """Program → how long it takes when nothing happens."""
    broken: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Program → what happened in its middle → how often."""
    seconds: list[float] = field(default_factory=list)
    """How long the same command then took."""
    failures: list[str] = field(default_factory=list)

    def count(self, program: str) -> int:
        """How often a program was broken off."""
        return self.broken[program].total()


def faults(directory: Path, rounds: int) -> Result:
    """Break off `rounds` deploys and as many rollbacks."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    with running_inside(host, "rows.py", directory) as client:
        first_s = run(host.pyinfra("deploy.py", *_change(0))).wall_s
        # The same points each time, as far as the machine is as fast.
        trial = Trial(Random(SEED), dict.fromkeys(("deploy.py", "rollback.py"), first_s))  # noqa: S311
        number = 0
        while min(map(trial.count, trial.took_s)) < rounds:
            number += 1
            before = _current(host)
            _break_off(host, trial, client, ["deploy.py", *_change(number)])
            back = ["rollback.py", "--data", f"release={before}"]
            _break_off(host, trial, client, back)
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
            "rows acknowledged by Postgres": [written["postgres"]["acknowledged"]],
            "entries acknowledged by Redis": [written["redis"]["acknowledged"]],
        },
        (
            Target("did not converge", len(trial.failures), 0),
            Target("rows lost", written["postgres"]["missing"], 0),
            Target("entries lost", written["redis"]["missing"], 0),
        ),
    )


def _change(number: int) -> tuple[str, str]:
    said: dict[str, dict[str, object]] = {
        name: {"environment": {"ROUND": str(number)}} for name in CHANGED
    }
    said["risk"] = {"memory": f"{1024 + number} MiB"}
    return "--data", f"overrides={json.dumps(said)}"


def _break_off(host: Host, trial: Trial, client: Inside, words: list[str]) -> None:
    """Break a command off, or not if it is faster; then the same command has to converge."""
    kind, happens = trial.random.choices(list(HAPPENS.items()), list(WEIGHTS.values()))[0]
    program = words[0]
    at_s = trial.random.uniform(0, trial.took_s[program])
    command = host.pyinfra(*words)
    began = monotonic()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(at_s)
    except subprocess.TimeoutExpired:
        happens(process, Faults(Settings.from_environment(), host.state))
        process.wait(PATIENCE_S)
        trial.broken[program][kind] += 1
        _converges(host, trial, command, f"{program} after {at_s:.1f} s, {kind}")
        if not client.runs:
            # A reboot ends all that is in the host's network.
            client.start()
        return
    if process.returncode:
        _tell(trial, " ".join(words), f"ended with {process.returncode}")
    else:
        trial.took_s[program] = monotonic() - began


def _converges(host: Host, trial: Trial, command: list[str], where: str) -> None:
    began, services = monotonic(), len(host.stack.services)
    try:
        said = run(command).output
        left = run(host.ssh(_leftovers(host))).output.strip()
    except BenchError as error:
        _tell(trial, where, str(error))
        return
    trial.seconds.append(monotonic() - began)
    if left or f"{services}/{services} containers healthy" not in said:
        _tell(trial, where, f"left {left or said}")
    else:
        print(f"{where}: converged in {trial.seconds[-1]:.1f} s", flush=True)


def _tell(trial: Trial, where: str, wrong: str) -> None:
    trial.failures.append(where)
    print(f"{where}: DID NOT CONVERGE: {wrong}", flush=True)


def _leftovers(host: Host) -> str:
    return LEFTOVERS.format(directory=host.directory, docker=host.docker(), stack=host.stack.name)


def _current(host: Host) -> str:
    return run(host.ssh(f"readlink {host.directory}/current")).output.removeprefix("releases/")


def _without_network(process: subprocess.Popen[bytes], faults: Faults) -> None:
    with faults.without_network():
        process.wait(PATIENCE_S)


HAPPENS: dict[str, Callable[["subprocess.Popen[bytes]", Faults], None]] = {
    "killed": lambda process, _: process.kill(),
    "Ctrl-C": lambda process, _: process.send_signal(signal.SIGINT),
    "connections cut": lambda _, faults: faults.cut_connections(),
    "network gone": _without_network,
    "daemon restarted": lambda _, faults: faults.restart_daemon(),
    "daemon killed": lambda _, faults: faults.restart_daemon(signal.SIGKILL),
    "rebooted": lambda _, faults: faults.reboot(),
}
WEIGHTS = dict(zip(HAPPENS, (20, 6, 6, 1, 1, 1, 1), strict=True))
