"""A Mac of the lab, as somebody sees it who logs in."""

import json
import shlex
import socket
import subprocess
from pathlib import Path
from typing import Any

from lab import namespace
from lab.hosts import ssh_command
from lab.settings import Settings
from lab.spec import HostState
from stack.release.retention import KEEPS_LABEL

TIMEOUT_S = 120
RUNNING_SINCE = "{{.Id}} {{.Name}} {{.State.Status}} {{.State.StartedAt}} {{.Image}}"


class Mac:
    """One host: its shell, its Docker daemon, its files."""

    def __init__(self, settings: Settings, state: HostState) -> None:
        self._settings, self.state = settings, state
        self.name, self.address = state.name, state.address

    def sh(self, command: str) -> str:
        """What a shell command prints; it has to succeed."""
        done = self.tries(command)
        assert done.returncode == 0, f"{self.name}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def tries(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command that may fail."""
        line = ssh_command(self.state, command)
        return subprocess.run(line, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)

    def docker(self, *words: str) -> str:
        """What a Docker command prints, with a configuration that no credential store breaks."""
        return self.sh(self._docker(words))

    def tries_docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a Docker command that may fail."""
        return self.tries(self._docker(words))

    def _docker(self, words: tuple[str, ...]) -> str:
        environment = f"DOCKER_CONFIG=/nowhere DOCKER_HOST=unix://{self.state.socket}"
        return f"{environment} {self.state.cli} {shlex.join(words)}"

    def compose(self, *words: str) -> str:
        """What a Compose command prints, of a project that is not Drydock's."""
        program = "~/.docker/cli-plugins/docker-compose"
        return self.sh(f"DOCKER_HOST=unix://{self.state.socket} {program} {shlex.join(words)}")

    def inspect(self, *containers: str) -> list[dict[str, Any]]:
        """The daemon's own description of containers."""
        return list(json.loads(self.docker("container", "inspect", *containers)))

    def containers(self, stack: str) -> dict[str, dict[str, Any]]:
        """Every container of a stack, stopped ones too, by name."""
        label = f"label=dev.drydock.stack={stack}"
        ids = self.docker("ps", "--all", "--quiet", "--filter", label).split()
        return {each["Name"].lstrip("/"): each for each in (self.inspect(*ids) if ids else [])}

    def identities(self, stack: str) -> dict[str, tuple[str, str]]:
        """Container name → id and start time: equal ones were left alone."""
        return {
            name: (each["Id"], each["State"]["StartedAt"])
            for name, each in self.containers(stack).items()
        }

    def evidence(self) -> list[str]:
        """All that a deploy could change: containers, images, volumes, networks, files."""
        ids = self.docker("ps", "--all", "--quiet").split()
        seen = self.docker("inspect", "--format", RUNNING_SINCE, *ids).splitlines() if ids else []
        images = self.docker("images", "--all", "--no-trunc", "--format", "{{json .}}").splitlines()
        # When an image was made is told as "2 minutes ago", which changes by itself.
        listed = ["{Repository} {Tag} {ID}".format(**json.loads(line)) for line in images]
        kinds = [self.docker(kind, "ls", "--quiet") for kind in ("volume", "network")]
        files = self.sh(
            # What the monitor writes by itself is no doing of a deploy.
            "find ~/.drydock '(' ! -path '*/logs*' ! -path '*/monitor' ! -path '*/monitor/*'"
            " -o -path '*/monitor/*.sh' -o -path '*/monitor/*.awk' -o -path '*/monitor/*.plist' ')'"
            " -printf '%p %T@ %i %m %s\\n' 2>/dev/null || true"
        )
        return sorted([*seen, *listed, *kinds, *files.splitlines()])

    def last_run(self, stack: str) -> list[dict[str, Any]]:
        """The journal's events of the last run that changed a stack."""
        lines = self.sh(f"cat ~/.drydock/{stack}/logs/events.jsonl").splitlines()
        events = [json.loads(it) for it in lines]
        return [it for it in events if it["run"] == events[-1]["run"]]

    def remove_stack(self, stack: str) -> None:
        """Leave nothing of a stack on the host but the upstream images."""
        self.remove_monitor(stack)
        label = f"label=dev.drydock.stack={stack}"
        holders = self.docker("ps", "--all", "--quiet", "--filter", f"label={KEEPS_LABEL}={stack}")
        if holders:
            self.docker("rm", "--force", "--volumes", *holders.split())
        removals = {
            "ps --all": "rm --force --volumes",
            "volume ls": "volume rm",
            "network ls": "network rm",
            "images": "rmi --force",
        }
        for listing, removal in removals.items():
            found = self.docker(*listing.split(), "--quiet", "--filter", label).split()
            if found:
                self.docker(*removal.split(), *dict.fromkeys(found))
        self.sh(f"rm -rf ~/.drydock/{stack}")

    def remove_monitor(self, stack: str) -> None:
        """End the stack's monitor, and take its property list away."""
        label = f"dev.drydock.{stack}.monitor"
        self.sh(
            f"launchctl bootout user/$(id -u)/{label} 2>/dev/null;"
            f" rm -f ~/Library/LaunchAgents/{label}.plist"
        )

    def accepts(self, port: int) -> bool:
        """Whether anybody answers on a port of the host's own address."""
        try:
            socket.create_connection((self.address, port), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True

    @property
    def root(self) -> Path:
        """The running host's root directory as this machine sees it."""
        return Path(f"/proc/{namespace.first_process(self._settings, self.name)}/root")
