"""What befalls a Mac, done for real to a host of the lab: cut off, killed, filled up, rebooted."""

import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from lab import hosts, namespace
from lab.debian import debian_root
from lab.process import LabError, run
from lab.settings import Settings
from lab.spec import HostSpec, HostState

DOCKER_DATA = "/var/lib/docker"


def wrong_clock(ahead: str) -> dict[str, str]:
    """Environment of a command of this machine whose clock is off: "+1h", "-1h"."""
    found = sorted(Path("/usr/lib").rglob("libfaketime.so.1"))
    if not found:
        raise LabError("libfaketime.so.1 is not there: apt-get install faketime")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME": ahead,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


class Faults:
    """Faults of one host, and what undoes them."""

    def __init__(self, settings: Settings, state: HostState) -> None:
        self._settings, self._state = settings, state

    def cut_connections(self) -> None:
        """End every SSH connection to the host at its end."""
        self._tries("pkill -9 sshd-session || pkill -9 -f '^sshd: [^/]'")

    @contextmanager
    def without_network(self) -> Iterator[None]:
        """While inside, the host's cable is out."""
        cable = ("ip", "link", "set", self._settings.interface(self._state.name))
        run(*cable, "down")
        try:
            yield
        finally:
            run(*cable, "up")

    @contextmanager
    def without_registry(self) -> Iterator[None]:
        """While inside, the registry refuses the host, and ends what it was sending."""
        registry, port = self._settings.registry_address.split(":")
        rule = f"OUTPUT -p tcp -d {registry} --dport {port} -j REJECT --reject-with tcp-reset"
        self._run(f"iptables -w -I {rule}")
        try:
            yield
        finally:
            self._run(f"iptables -w -D {rule}")

    def end_daemon(self, number: signal.Signals) -> None:
        """Send the daemon a signal, and wait until it is gone."""
        # Not by its name: a process that it starts has the same until it is another program.
        self._run(
            f"pid=$(cat /var/run/docker.pid) && kill -{number.value} $pid &&"
            " timeout 60 tail --pid=$pid -f /dev/null"
        )

    def start_daemon(self) -> None:
        """Start the daemon again, and wait until it answers."""
        self._run("PATH=/opt/engine/bin:$PATH setsid dockerd >>/var/log/dockerd.log 2>&1 &")
        hosts.wait_until_well(self._settings, self._state)

    def restart_daemon(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon, politely or not, and start it again."""
        self.end_daemon(number)
        self.start_daemon()

    def out_of_memory(self, container: str) -> None:
        """Fill a container's memory until the kernel kills what runs in it."""
        daemon = (f"DOCKER_HOST=unix://{self._state.socket}", self._state.cli)
        fill = ("dd", "if=/dev/zero", "of=/tmp/fill", "bs=1M")
        self._tries(shlex.join(["env", *daemon, "exec", container, *fill]))

    def reboot(self) -> None:
        """End all that runs on the host at once, and boot it; what it wrote stays."""
        settings, spec = self._settings, HostSpec(**self._state.spec)  # type: ignore[arg-type]
        hosts.stop(settings, spec.name)
        hosts.start(settings, spec, debian_root(settings) / "root")
        hosts.wait_until_well(settings, self._state)

    @contextmanager
    def on_a_small_disk(self, directory: str, spare_bytes: int) -> Iterator["Filler"]:
        """While inside, a directory is a disk of its own, with so much room to spare."""
        place, disk, quoted = PurePosixPath(directory), "/mnt/small", shlex.quote(directory)
        used = int(self._run(f"du -s -B1 {quoted}").split()[0])
        self._run(f"mkdir -p {disk} && mount -t tmpfs -o size={used + spare_bytes} small {disk}")
        self._run(f"cp -a {quoted}/. {disk} && mount --move {disk} {quoted}")
        try:
            yield Filler(self, str(place))
        finally:
            self._run(f"mount --move {quoted} {disk} && rm -rf {quoted} && mkdir {quoted}")
            # Lazily: a look of the monitor may have a file of it open.
            self._run(f"cp -a {disk}/. {quoted} && umount -l {disk}")

    @contextmanager
    def with_another_docker_disk(self, size_bytes: int) -> Iterator["Filler"]:
        """While inside, the daemon's data are on an empty disk of this size."""
        self.end_daemon(signal.SIGTERM)
        self._run(f"mount -t tmpfs -o size={size_bytes},mode=0710 docker {DOCKER_DATA}")
        self.start_daemon()
        try:
            yield Filler(self, DOCKER_DATA)
        finally:
            self.end_daemon(signal.SIGTERM)
            self._run(f"umount {DOCKER_DATA}")
            self.start_daemon()

    def _run(self, script: str) -> str:
        return run(*namespace.enter(self._settings, self._state.name), "sh", "-c", script)

    def _tries(self, script: str) -> None:
        """Run what fails when there is nothing to do."""
        self._run(f"{script} || true")


class Filler:
    """A disk that can be filled to its end, and emptied again."""

    def __init__(self, faults: Faults, directory: str) -> None:
        self._faults, self._file = faults, shlex.quote(f"{directory}/filler")

    @contextmanager
    def full(self, spare_bytes: int = 0) -> Iterator[None]:
        """While inside, no more than so much is left."""
        # dd ends with "No space left on device", which is what is wanted.
        self._faults._tries(f"dd if=/dev/zero of={self._file} bs=64k 2>/dev/null")
        self._faults._run(f"truncate -s -{spare_bytes} {self._file}")
        try:
            yield
        finally:
            self._faults._run(f"rm {self._file}")
