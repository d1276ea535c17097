"""Deploys and rollbacks broken off at random moments: each time the same command must converge.

A client writes to Postgres and Redis all the while, and afterwards looks for what was acknowledged.
"""

import json
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic

from bench.command import BenchError, run
from bench.host import Host, converge, lab_hosts
from bench.inside import running_inside
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

    broken: dict[str, int] = field(default_factory=dict)
    """What happened → how often."""
    seconds: list[float] = field(default_factory=list)
    """How long the same command then took."""
    failures: list[str] = field(default_factory=list)


def faults(directory: Path, rounds: int) -> Result:
    """Break off `rounds` deploys and as many rollbacks."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    random, trial = Random(SEED), Trial()  # noqa: S311 - the same points each time
    with running_inside(host, "rows.py") as written:
        first = run(host.pyinfra("deploy.py", *_change(0)))
        for number in range(1, rounds + 1):
            before = _current(host)
            _break_off(host, random, trial, first.wall_s, ["deploy.py", *_change(number)])
            back = ["rollback.py", "--data", f"release={before}"]
            _break_off(host, random, trial, first.wall_s, back)
        run(host.pyinfra("deploy.py"))
    for failure in trial.failures:
        print(failure)
    what = ", ".join(f"{kind} {count}" for kind, count in sorted(trial.broken.items()))
    return Result(
        "faults",
        f"{rounds} deploys and {rounds} rollbacks broken off ({what}), then the same command",
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


def _break_off(host: Host, random: Random, trial: Trial, took_s: float, words: list[str]) -> None:
    kind, happens = random.choices(list(HAPPENS.items()), list(WEIGHTS.values()))[0]
    at_s = random.uniform(0, took_s)
    command = host.pyinfra(words[0], *words[1:])
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(at_s)
        kind = "nothing, it was done before"
    except subprocess.TimeoutExpired:
        happens(process, Faults(Settings.from_environment(), host.state))
        process.wait(PATIENCE_S)
    trial.broken[kind] = trial.broken.get(kind, 0) + 1
    began = monotonic()
    where = f"{words[0]} after {at_s:.1f} s, {kind}"
    try:
        said = run(command).output
        left = run(host.ssh(_leftovers(host))).output.strip()
        services = len(host.stack.services)
        if left or f"{services}/{services} containers healthy" not in said:
            trial.failures.append(f"{where}: left {left or said}")
    except BenchError as error:
        trial.failures.append(f"{where}: {error}")
    trial.seconds.append(monotonic() - began)
    print(f"{where}: converged in {trial.seconds[-1]:.1f} s", flush=True)


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
