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
    """Find the slowest alone, then time it and all nine in turn, with their base and without."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    engines = [name for name, it in host.stack.services.items() if it.phase == "engines"]
    remove_containers(host, "engines")
    alone = {engine: _build(host, [engine]) for engine in engines}
    slowest = max(alone, key=lambda engine: alone[engine])
    samples: dict[str, list[float]] = {}
    for _ in range(rounds):
        for base, shared in ("base there", ()), ("no base", tuple(host.stack.images)):
            for who, names in ("all nine", engines), (f"{slowest} alone", [slowest]):
                took_s = _build(host, names, shared)
                samples.setdefault(f"{base}: {who} s", []).append(took_s)
    converge([host])
    there, there_one, cold, cold_one = samples.values()
    return Result(
        "build",
        "engine images with no builder cache and none of their images, with and without their base",
        samples,
        (
            Target("base there: all nine / slowest alone", ratio(there, there_one), 1.5),
            Target("no base: all nine / slowest alone", ratio(cold, cold_one), 1.5),
        ),
    )


def cool(host: Host, shared: tuple[str, ...] = ()) -> None:
    """Remove the engines' images, those shared ones, and all of the builder's cache."""
    engines = [name for name, it in host.stack.services.items() if it.phase == "engines"]
    names = (*engines, *shared)
    filters = (f"--filter=reference={host.stack.name}-{name}" for name in names)
    found = host.docker("images", "--quiet", *filters)
    remove = host.docker("rmi", "--force")
    run(host.ssh(f"{found} | sort -u | xargs -r {remove}"))
    run(host.ssh(host.docker("builder", "prune", "--all", "--force")))


def _build(host: Host, engines: list[str], shared: tuple[str, ...] = ()) -> float:
    """Seconds from cold until the last of some engines' images is there."""
    cool(host, shared)
    finished = run(host.pyinfra("bench/build_engines.py", "--data", f"engines={','.join(engines)}"))
    begun = [at for at, line in finished.lines if BEGUN.search(line)]
    built = {it[3]: at for at, line in finished.lines if (it := BUILT.search(line))}
    if built.keys() != {*engines, *shared}:
        raise BenchError(f"not what should be built:\n{finished.output}")
    return max(built.values()) - begun[0]
