"""Many SSH hosts made of one lab host: its files, a network and an sshd of its own, and a double
of its daemon that replays what the real one said."""

import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from threading import Thread

from bench.command import BenchError, run
from bench.host import HOME, Host
from bench.recorded import Recorder, Recording, Reply, SocketServer, request_key, unknown_file
from lab import hosts, namespace, network
from lab.cache import locked
from lab.debian import debian_root
from lab.namespace import Machine
from lab.settings import Settings
from lab.spec import HostState

SSHD = ("sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e 2>>/var/log/sshd.log")
FIRST_NUMBER = 2
"""A number decides an address, and the real host has the first."""
DOUBLE_TIMEOUT_S = 120.0


def record(settings: Settings, mac: Host, work: Callable[[], object]) -> Recording:
    """Keep all that a host's daemon answers during some work, and what its endpoints say."""
    first = namespace.first_process(settings, mac.state.name)
    path = Path(f"/proc/{first}/root", mac.state.socket.lstrip("/"))
    real = path.with_name("real.sock")
    recording = Recording()
    path.rename(real)
    try:
        with SocketServer(path, Recorder(real, recording).ask) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            work()
            server.shutdown()
    finally:
        real.rename(path)
    for service in mac.stack.services.values():
        if service.endpoint and service.published_port:
            port = service.published_port
            body = run(mac.ssh(f"curl -fsS http://127.0.0.1:{port}{service.endpoint}")).output
            reply = Reply(200, {"Content-Type": "application/json"}, body)
            recording.replies[request_key(f":{port}", "GET", service.endpoint, b"")] = [reply]
            recording.endpoint_ports.append(port)
    return recording


@dataclass(frozen=True)
class Copies:
    """What all hosts of a fleet have in common."""

    settings: Settings
    mac: Host
    layers: tuple[Path, ...]
    recording: Path
    known_hosts: Path


@contextmanager
def fleet(
    settings: Settings, mac: Host, count: int, recording: Recording, directory: Path
) -> Iterator[list[HostState]]:
    """So many hosts for a while, all with one host key."""
    with locked(settings.cache / "lock"):
        root = debian_root(settings) / "root"
    # A copy: a layer that is in use can't lie below another host's.
    layer = directory / "layer"
    run(["cp", "-a", str(settings.host_directory(mac.state.name) / "upper"), str(layer)])
    copies = Copies(
        settings, mac, (layer, root), directory / "recording.json", directory / "known_hosts"
    )
    recording.write(copies.recording)
    numbers = range(1, count + 1)
    states = [_state(copies, number) for number in numbers]
    line = hosts.known_hosts_line(settings, mac.state)
    lines = (line.replace(mac.state.address, state.address, 1) for state in states)
    copies.known_hosts.write_text("".join(lines))
    doubles: list[Popen[bytes]] = []
    try:
        for state in states:
            doubles.append(_start(copies, state))
        for state in states:
            _wait(settings, state)
        yield states
    finally:
        for state in states:
            hosts.remove(settings, state.name)
        for double in doubles:
            double.wait()
        shutil.rmtree(layer)


def refuse_unknown(settings: Settings, states: Sequence[HostState]) -> None:
    """BenchError when a double was asked for something that was not recorded."""
    for state in states:
        unknown = unknown_file(_socket(settings, state.name))
        if unknown.exists():
            raise BenchError(f"{state.name}: no recording of {unknown.read_text()}")


def _state(copies: Copies, number: int) -> HostState:
    address = str(copies.settings.address(FIRST_NUMBER + number - 1))
    known = str(copies.known_hosts)
    return replace(copies.mac.state, name=f"f{number}", address=address, known_hosts=known)


def _socket(settings: Settings, name: str) -> Path:
    return settings.host_directory(name) / "daemon/docker.sock"


def _start(copies: Copies, state: HostState) -> Popen[bytes]:
    settings, place = copies.settings, _socket(copies.settings, state.name)
    network.join(settings, state.name, copies.settings.address(_number(state)))
    place.parent.mkdir(parents=True, exist_ok=True)
    mounts = {str(Path(state.socket).parent): place.parent}
    namespace.boot(settings, Machine(state.name, copies.layers, SSHD, mounts))
    inside = ("nsenter", f"--net=/run/netns/{settings.namespace(state.name)}")
    words = (*inside, sys.executable, "-m", "bench.recorded", str(copies.recording), str(place))
    with (settings.host_directory(state.name) / "log/double.log").open("wb") as log:
        return Popen(words, cwd=HOME, stdin=DEVNULL, stdout=log, stderr=STDOUT)


def _number(state: HostState) -> int:
    return FIRST_NUMBER + int(state.name.removeprefix("f")) - 1


def _wait(settings: Settings, state: HostState) -> None:
    until = time.monotonic() + DOUBLE_TIMEOUT_S
    place = _socket(settings, state.name)
    while not (place.exists() and _listens(state)):
        if time.monotonic() > until:
            logs = sorted((settings.host_directory(state.name) / "log").glob("*.log"))
            said = "\n".join(log.read_text(errors="replace") for log in logs)
            raise BenchError(f"{state.name} does not answer:\n{said}")
        time.sleep(hosts.POLL_S)


def _listens(state: HostState) -> bool:
    try:
        with socket.create_connection((state.address, state.port), timeout=1):
            return True
    except OSError:
        return False
