"""A program that runs beside a benchmark, in the network of a lab's host."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.command import BenchError
from bench.host import HOME, Host
from lab.settings import Settings
from lab.spec import HostSpec

READY = "ready\n"


@contextmanager
def running_inside(host: Host, program: str) -> Iterator[dict[str, Any]]:
    """While inside, a program of bench/ runs; what it counted is known at the end.

    It runs in the platform's own environment, is given the directory of the stack's secrets, says
    `ready`, and prints what it counted as JSON once its input ends.
    """
    settings, spec = Settings.from_environment(), HostSpec(**host.state.spec)  # type: ignore[arg-type]
    upper = settings.host_directory(spec.name) / "upper"
    secrets = upper / host.directory.lstrip("/") / "secrets"
    python = HOME / "nautilus/.venv/bin/python"
    inside = ["ip", "netns", "exec", settings.namespace(spec.name)]
    process = subprocess.Popen(
        [*inside, python, HOME / "bench" / program, secrets],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin and process.stdout
    if process.stdout.readline() != READY:
        raise BenchError(f"{program} can't reach the stack on {spec.name}")
    found: dict[str, Any] = {}
    try:
        yield found
    finally:
        process.stdin.close()
        found |= json.loads(process.stdout.read())
        process.wait()
