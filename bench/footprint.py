"""What the stack takes when nobody asks it for anything: memory, and room for its images."""

import json
from hashlib import sha256
from pathlib import Path

from bench.command import BenchError, run
from bench.daemon import memory_now
from bench.host import Host, converge, lab_hosts
from bench.result import Result, Target

MIB = 1024**2
GIB = 1024**3
CODE = "COPY /app/nautilus "


def footprint(directory: Path, rounds: int) -> Result:
    """Memory of each service at rest, and the layers of all images, each counted once."""
    (host,) = lab_hosts(1, directory)
    converge([host])
    memory = [memory_now(host) for _ in range(rounds)]
    names = (*host.stack.images, *host.stack.services)
    steps = {name: _steps(host, name) for name in names}
    layers = {name: _layers(steps[name]) for name in names}
    builds = dict(host.stack.images)
    builds |= {name: it.build for name, it in host.stack.services.items() if it.build}
    bases = {
        name: [layers[base] for base in it.bases if base in layers] for name, it in builds.items()
    }
    own = {name: _without(layers[name], bases.get(name, [])) / MIB for name in layers}
    every = {key: size for found in layers.values() for key, size in found.items()}
    engines = [name for name, it in host.stack.services.items() if it.phase == "engines"]
    return Result(
        "footprint",
        f"{len(memory[0])} services at rest; images with their layers beside those of the"
        " shared image that they are built on",
        {
            **{
                f"{name}: memory MiB": [one[name] / MIB for one in memory]
                for name in host.stack.services
            },
            "all services: memory GiB": [sum(one.values()) / GIB for one in memory],
            **{f"{name}: image's own layers MiB": [size] for name, size in own.items()},
            **{f"{name}: what new code replaces MiB": [_code(steps[name])] for name in engines},
            "all images: layers GiB": [sum(every.values()) / GIB],
        },
        (
            Target("all services", max(sum(one.values()) for one in memory) / GIB, 4, "GiB"),
            Target("all images", sum(every.values()) / GIB, 4, "GiB"),
            *(Target(f"{name}: own layers", own[name], 50, "MiB") for name in engines),
        ),
    )


def _steps(host: Host, name: str) -> list[dict[str, str]]:
    """The steps that an image was built in, the first one first."""
    image = f"{host.stack.name}-{name}:{host.state.group}"
    said = host.docker("history", "--no-trunc", "--human=false", "--format", "{{json .}}", image)
    steps = [json.loads(line) for line in run(host.ssh(said)).output.splitlines()]
    if not steps:
        raise BenchError(f"{image} has no history")
    return steps[::-1]


def _layers(steps: list[dict[str, str]]) -> dict[str, int]:
    """An image's layers, with their bytes.

    Two images share a layer if they share all that it was built on, too: so it is known by the
    whole history up to it.
    """
    layers, history = {}, ""
    for step in steps:
        parts = (history, step["CreatedAt"], step["CreatedBy"], step["Size"])
        history = sha256(json.dumps(parts).encode()).hexdigest()
        layers[history] = int(step["Size"])
    return layers


def _without(layers: dict[str, int], bases: list[dict[str, int]]) -> int:
    """Bytes of an image's layers that none of its bases has."""
    return sum(size for key, size in layers.items() if not any(key in base for base in bases))


def _code(steps: list[dict[str, str]]) -> float:
    """MiB of an engine's image from its code on, which come after all libraries."""
    first = next(n for n, step in enumerate(steps) if step["CreatedBy"].startswith(CODE))
    return sum(int(step["Size"]) for step in steps[first:]) / MIB
