"""What a host's daemon tells of the stack's containers and images."""

import json
import subprocess
from threading import Thread
from types import TracebackType

from bench.command import BenchError, run
from bench.host import Host
from stack.quantities import memory_bytes

STATS = ("stats", "--format", "{{json .}}")


def _used(line: str) -> tuple[str, int, int] | None:
    """Container, memory and limit of a line of `docker stats`, which clears the screen first."""
    _, brace, rest = line.partition("{")
    if not brace:
        return None
    fields = json.loads(brace + rest)
    used, limit = fields["MemUsage"].split(" / ")
    # Of a container that does not run.
    if {"--", "0B"} & {used, limit}:
        return None
    return fields["Name"], memory_bytes(used), memory_bytes(limit)


def memory_now(host: Host) -> dict[str, int]:
    """Bytes that each service of the stack holds, without the page cache that it could give up."""
    containers = {host.stack.container_name(name): name for name in host.stack.services}
    finished = run(host.ssh(host.docker(*STATS, "--no-stream", *containers)))
    found = [used for _, line in finished.lines if (used := _used(line))]
    if len(found) != len(containers):
        raise BenchError(f"not every container answered:\n{finished.output}")
    return {containers[container]: used for container, used, _ in found}


def starts(host: Host) -> list[str]:
    """Each container's start, restarts and whether it was killed for its memory."""
    said = "{{.Name}} {{.State.StartedAt}} {{.RestartCount}} {{.State.OOMKilled}}"
    names = map(host.stack.container_name, host.stack.services)
    return run(host.ssh(host.docker("inspect", "--format", said, *names))).output.splitlines()


class MemoryWatch:
    """The most memory of its limit that a container was seen to hold, about once a second."""

    def __init__(self, host: Host, container: str) -> None:
        self._command = host.ssh(host.docker(*STATS, container))
        self._seen: list[float] = []

    def __enter__(self) -> "MemoryWatch":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        self._reader = Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self) -> None:
        for line in self._process.stdout or ():
            if used := _used(line):
                self._seen.append(used[1] / used[2] * 100)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()

    @property
    def most_percent(self) -> float:
        """Raises BenchError where nothing was seen."""
        if not self._seen:
            raise BenchError("docker stats told nothing")
        return max(self._seen)
