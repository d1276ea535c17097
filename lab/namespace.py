"""Start and end a host: one process tree in namespaces of its own over a copy-on-write root."""

import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import network
from lab.process import LabError, run
from lab.settings import Settings

HERE = Path(__file__).parent
BOOT = HERE / "host" / "boot.sh"
CGROUPS = Path("/sys/fs/cgroup")
END_TIMEOUT_S = 20.0
SUBDIRECTORIES = ("upper", "work", "root", "log")


@dataclass(frozen=True)
class Machine:
    """What one process tree is started from; `mounts` are directories by their place inside."""

    name: str
    lower: Sequence[Path]
    command: Sequence[str]
    mounts: Mapping[str, Path] = field(default_factory=dict)


def boot(settings: Settings, machine: Machine) -> None:
    """Start a machine in its network namespace, which must exist; returns once it was started."""
    home = settings.host_directory(machine.name)
    for part in SUBDIRECTORIES:
        (home / part).mkdir(parents=True, exist_ok=True)
    namespace = settings.namespace(machine.name)
    mounts = [f"{source}:{target.lstrip('/')}" for target, source in machine.mounts.items()]
    lower = ":".join(str(directory) for directory in machine.lower)
    isolated = ("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork")
    argv = ["nsenter", f"--net=/run/netns/{namespace}", *isolated]
    argv += ["sh", str(BOOT), machine.name, lower, str(home), *mounts, "--", *machine.command]
    with (home / "log/boot.log").open("wb") as log:
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        )


def processes(settings: Settings, host: str) -> list[int]:
    """Process ids in a host's network namespace, seen from the machine."""
    if not network.namespace_exists(settings, host):
        return []
    return [int(pid) for pid in run("ip", "netns", "pids", settings.namespace(host)).split()]


def first_process(settings: Settings, host: str) -> int | None:
    """The machine's id of a host's process 1, None if the host isn't running."""
    for pid in processes(settings, host):
        ids = _ids_by_namespace(pid)
        if len(ids) == 2 and ids[1] == 1:
            return pid
    return None


def enter(settings: Settings, host: str) -> list[str]:
    """Words before a command that run it as root inside a running host."""
    first = first_process(settings, host)
    if first is None:
        raise LabError(f"{host} is not running")
    return ["nsenter", "--target", str(first), "--all", "--root", "--wd", "--"]


def end(settings: Settings, host: str) -> None:
    """Kill a host's process 1, and the kernel ends all in it; then what joined its network."""
    first = first_process(settings, host)
    if first is not None:
        _kill(first)
    while joined := processes(settings, host):
        for pid in joined:
            _kill(pid)
    remove_cgroups(settings, host)


def remove_cgroups(settings: Settings, host: str | None = None) -> None:
    """Remove the lab's cgroups, or one host's, in every hierarchy; all must be empty."""
    for top in _cgroup_tops(settings, host):
        for directory, _, _ in os.walk(top, topdown=False):
            Path(directory).rmdir()


def _cgroup_tops(settings: Settings, host: str | None) -> Iterator[Path]:
    place = Path(settings.cgroup, host) if host else Path(settings.cgroup)
    for hierarchy in (CGROUPS, *CGROUPS.iterdir()):
        if (hierarchy / place).is_dir() and not hierarchy.is_symlink():
            yield hierarchy / place


def _ids_by_namespace(pid: int) -> list[int]:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            return [int(word) for word in line.split()[1:]]
    return []


def _kill(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        started = time.monotonic()
        os.kill(pid, 9)
        if not select.select([handle], [], [], END_TIMEOUT_S)[0]:
            waited_s = time.monotonic() - started
            raise LabError(f"process {pid} is still there {waited_s:.0f} s after SIGKILL")
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
