"""Bring one host up, see whether it is well, and take it down."""

import shutil
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from lab import namespace, network
from lab.furnish import furnish
from lab.namespace import Machine
from lab.process import LabError, run, say, succeeds
from lab.runtimes import runtime
from lab.settings import Settings
from lab.spec import USER, HostSpec, HostState

UP_TIMEOUT_S = 60.0
# In software emulation a boot takes minutes, and a login seconds.
EMULATED_UP_TIMEOUT_S = 600.0
LOGIN_TIMEOUT_S = 10.0
EMULATED_LOGIN_TIMEOUT_S = 60.0
POLL_S = 0.05


def state_of(settings: Settings, spec: HostSpec) -> HostState:
    """How this host is reached once it runs."""
    place = runtime(spec.runtime)
    return HostState(
        name=spec.name,
        chip=spec.chip,
        group=spec.group,
        runtime=spec.runtime,
        address=str(settings.address(spec.number)),
        port=22,
        user=USER,
        key=str(settings.run / "ssh/id_ed25519"),
        known_hosts=str(settings.run / "ssh/known_hosts"),
        socket=str(place.under(spec.home, place.socket)),
        cli=str(place.under(spec.home, place.cli)),
        emulated=spec.emulated,
        spec=asdict(spec),
    )


def ssh_command(host: HostState, *command: str) -> list[str]:
    """The ssh command that logs in to a host, with nothing taken from the user's own settings."""
    options = {
        "IdentityFile": host.key,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": host.known_hosts,
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": "60" if host.emulated else "5",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    target = f"{host.user}@{host.address}"
    return ["ssh", "-F", "/dev/null", *words, "-p", str(host.port), target, *command]


def is_well(host: HostState) -> bool:
    """Whether one can log in and the daemon answers, right now."""
    version = f"DOCKER_HOST=unix://{host.socket} {host.cli} version --format ok"
    timeout_s = EMULATED_LOGIN_TIMEOUT_S if host.emulated else LOGIN_TIMEOUT_S
    return succeeds(*ssh_command(host, version), timeout_s=timeout_s)


def start(
    settings: Settings, spec: HostSpec, root: Path, places: Mapping[str, Path] | None = None
) -> None:
    """Boot a host on the shared root, with `places` of the machine in it; keeps earlier data."""
    directory = settings.host_directory(spec.name)
    layer = directory / "upper"
    furnish(settings, spec, layer, root, network.uplink_mtu())
    docker_data = directory / "docker"
    docker_data.mkdir(exist_ok=True)
    docker_data.chmod(0o710)
    network.join(settings, spec.name, settings.address(spec.number))
    mounts = {"/var/lib/docker": docker_data, **(places or {})}
    namespace.boot(settings, Machine(spec.name, [root], ["/opt/lab/init"], mounts))


def wait_until_well(settings: Settings, host: HostState) -> float:
    """Wait for SSH, then for the daemon; seconds it took. LabError with the logs' ends if not."""
    started = time.monotonic()
    limit_s = EMULATED_UP_TIMEOUT_S if host.emulated else UP_TIMEOUT_S
    logs = settings.host_directory(host.name)
    for what, condition in (("sshd", _answers_ssh), ("dockerd", is_well)):
        while not condition(host):
            if not namespace.processes(settings, host.name) and _waited(started, 2):
                log = logs / "log" / ("console.log" if host.emulated else "boot.log")
                raise LabError(f"{host.name} ended:\n{_tail(log)}")
            if _waited(started, limit_s):
                log = logs / ("log/console.log" if host.emulated else f"upper/var/log/{what}.log")
                raise LabError(f"{host.name}: {what} does not answer:\n{_tail(log)}")
            time.sleep(POLL_S)
    return time.monotonic() - started


def known_hosts_line(settings: Settings, host: HostState) -> str:
    """A host's line in known_hosts, from the key that was generated for it."""
    public = settings.host_directory(host.name) / "upper/etc/ssh/ssh_host_ed25519_key.pub"
    kind, key, *_ = public.read_text().split()
    return f"{host.address} {kind} {key}\n"


def stop(settings: Settings, name: str) -> None:
    """End everything that runs on a host; all that it wrote stays."""
    namespace.end(settings, name)


def remove(settings: Settings, name: str, *, keep_data: bool = False) -> None:
    """End a host and remove what it wrote, its images and volumes too unless they are kept."""
    stop(settings, name)
    network.leave(settings, name)
    directory = settings.host_directory(name)
    kept = directory / "docker"
    if keep_data and kept.is_dir():
        for part in directory.iterdir():
            if part != kept:
                _delete(part)
    elif directory.exists():
        # Away at once: should this be killed, the rest must not pass for a host's data.
        gone = settings.run / "removed" / name
        if gone.exists():
            shutil.rmtree(gone)
        gone.parent.mkdir(exist_ok=True)
        directory.rename(gone)
        shutil.rmtree(gone)


def make_key(settings: Settings) -> None:
    """Generate the key with which the lab's user logs in, once a lab."""
    key = settings.run / "ssh/id_ed25519"
    if key.exists():
        return
    key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    say("Generating the lab's SSH key")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{settings.name}-lab", "-f", key)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _answers_ssh(host: HostState) -> bool:
    try:
        with socket.create_connection((host.address, host.port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _waited(started: float, limit_s: float) -> bool:
    return time.monotonic() - started > limit_s


def _tail(log: Path) -> str:
    if not log.exists():
        return f"{log} was never written"
    return "\n".join([f"(end of {log})", *log.read_text(errors="replace").splitlines()[-20:]])
