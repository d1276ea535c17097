"""What a map of cores does to latency: simulated for a whole stack, measured for two services."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.command import run
from bench.host import HOME, Host, lab_hosts
from bench.queueing import latencies_s, on_map, summary_ms
from bench.result import Result, Target, ratio
from stack.__main__ import load_groups
from stack.chips import parse_sysctl
from stack.daemon import daemon_of
from stack.load import load_stack
from stack.model import Chip, Daemon
from stack.planner.map import plan

SERVICE = "risk"
SIMULATED_S = 20.0
CHECKS = 200
PYTHON = "python:3.13-slim-trixie"
PROGRAM = (HOME / "bench/checks.py").read_text()
BURNER = "drydock-bench-burner"

Samples = dict[str, list[float]]


def contention(directory: Path, rounds: int) -> Result:
    """Simulate the report's map and the planner's; measure two containers on two real cores."""
    simulated = simulate(SIMULATED_S)
    (host,) = lab_hosts(1, directory)
    run(host.ssh(host.docker("pull", "--quiet", PYTHON)))
    measured: Samples = {}
    for _ in range(rounds):
        for way, (checks, batch) in ways().items():
            for name, value in _measure(host, checks, batch).items():
                measured.setdefault(f"measured, {way}: {name} ms", []).append(value)
    crowded, apart = (
        {name: measured[f"measured, {way}: {name} ms"] for name in ("p50", "p99")}
        for way in ("both on one core", "as planned")
    )
    by_hand, planned = (
        simulated[f"simulated, {way}: p99 ms"][0] for way in ("by hand", "as planned")
    )
    return Result(
        "contention",
        f"latency of {SERVICE} among 15 busy services on 14 cores, simulated; of a computation"
        " every 25 ms beside two busy processes on two real cores, measured",
        simulated | measured,
        (
            Target("simulated: p99 as planned / by hand", planned / by_hand, 1.0),
            *(
                Target(f"measured: {it} as planned / on one core", ratio(apart[it], crowded[it]), 1)
                for it in ("p50", "p99")
            ),
        ),
    )


def simulate(seconds: float) -> Samples:
    """The latency of risk's checks under the report's map and the planner's, on an M4 Max."""
    chip = parse_sysctl((HOME / "lab/macs/m4max.txt").read_text())
    daemon = daemon_of(json.loads((HOME / "lab/macs/docker-info-m4max.json").read_text()))
    by_hand = load_groups(HOME / "group_data", chip.tag)
    samples: Samples = {}
    for way, inputs in ("by hand", by_hand), ("as planned", replace(by_hand, core_map=None)):
        planned = plan(inputs, chip, daemon)
        checks, others = on_map(inputs.stack, planned, SERVICE, daemon.cpus)
        found = summary_ms(latencies_s(checks, others, daemon.cpus, seconds))
        samples |= {f"simulated, {way}: {name} ms": [value] for name, value in found.items()}
    return samples


def ways() -> dict[str, tuple[str, str | None]]:
    """Cpusets of the checks and of the batch, None: no batch; the last as the planner has them."""
    return {
        "alone": ("0,1", None),
        "both on both cores": ("0,1", "0,1"),
        "both on one core": ("0", "0"),
        "as planned": _planned(),
    }


def _planned() -> tuple[str, str]:
    service = {"phase": "engines", "image": PYTHON, "pinned": True, "memory": "64 MiB"}
    health = {"health": {"test": ("true",)}}
    stack = {
        "name": "contention",
        "sized_for": {"cpus": 2, "memory": "1 GiB"},
        "services": {
            "checks": {**service, **health, "cpus": 0.5, "latency_class": "latency"},
            "batch": {**service, **health, "cpus": 1.0},
        },
    }
    chip: Chip = parse_sysctl((HOME / "lab/macs/m1.txt").read_text())
    daemon = Daemon(cpus=2, memory_bytes=2**30)
    given = plan(load_stack({"stack": stack}, {}), chip, daemon).services
    return str(given["checks"].cpuset), str(given["batch"].cpuset)


def _measure(host: Host, checks: str, batch: str | None) -> Mapping[str, float]:
    with _burner(host, batch):
        finished = run(host.ssh(_container(host, checks, ("--rm",), str(CHECKS))))
    return summary_ms(json.loads(finished.lines[-1][1]))


@contextmanager
def _burner(host: Host, cores: str | None) -> Iterator[None]:
    if cores is None:
        yield
        return
    words = ("--detach", "--name", BURNER)
    run(host.ssh(_container(host, cores, words, "burn", "2")))
    try:
        yield
    finally:
        run(host.ssh(host.docker("rm", "--force", BURNER)))


def _container(host: Host, cores: str, words: tuple[str, ...], *arguments: str) -> str:
    program = ("python3", "-c", PROGRAM, *arguments)
    return host.docker("run", *words, "--network=none", f"--cpuset-cpus={cores}", PYTHON, *program)
