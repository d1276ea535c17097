"""Nine engine images from cold, together, against the slowest of them alone."""

import re
from pathlib import Path

from bench.command import BenchError, run
from bench.host import Host, converge, lab_hosts
from bench.result import Result, Target, ratio
from bench.start import remove_containers

BEGUN = re.compile(r"\] building (\d+) images")
BUILT = re.compile(r"\] (\d+)/(\d+) (\S+) built in ")


def build(directory: Path, rounds: int) -> Result:
    """Find the slowest alone, then time it and all nine in turn, each from cold."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    engines = [name for name, it in host.stack.services.items() if it.phase == "engines"]
    remove_containers(host, "engines")
    alone = {engine: _build(host, [engine]) for engine in engines}
    slowest = max(alone, key=lambda engine: alone[engine])
    samples: dict[str, list[float]] = {"all nine s": [], f"{slowest} alone s": []}
    for _ in range(rounds):
        samples["all nine s"].append(_build(host, engines))
        samples[f"{slowest} alone s"].append(_build(host, [slowest]))
    converge([host])
    together, one = samples.values()
    return Result(
        "build",
        "engine images from cold: no builder cache, none of their images; engine-base is there",
        samples,
        (Target("all nine / slowest alone", ratio(together, one), 1.5),),
    )


def cool(host: Host) -> None:
    """Remove the engines' images and all of the builder's cache."""
    engines = [name for name, it in host.stack.services.items() if it.phase == "engines"]
    filters = (f"--filter=reference={host.stack.name}-{engine}" for engine in engines)
    found = host.docker("images", "--quiet", *filters)
    remove = host.docker("rmi", "--force")
    run(host.ssh(f"{found} | sort -u | xargs -r {remove}"))
    run(host.ssh(host.docker("builder", "prune", "--all", "--force")))


def _build(host: Host, engines: list[str]) -> float:
    """Seconds from cold until the last of some engines' images is there."""
    cool(host)
    finished = run(host.pyinfra("bench/build_engines.py", "--data", f"engines={','.join(engines)}"))
    begun = [at for at, line in finished.lines if BEGUN.search(line)]
    built = {it[3]: at for at, line in finished.lines if (it := BUILT.search(line))}
    if built.keys() != set(engines):
        raise BenchError(f"not what should be built:\n{finished.output}")
    return max(built.values()) - begun[0]
