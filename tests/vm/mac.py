"""A Mac made of doubles: its programs and its home, for pyinfra's @local."""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from pyinfra.api import Config, Inventory, State
from pyinfra.api.host import Host
from pyinfra.context import ctx_state

from tests.stories.project import ROOT, Project

SYSTEM = {
    "uname": "case $1 in -m) echo arm64 ;; *) echo Darwin ;; esac",
    "sw_vers": "echo 15.5",
    "launchctl": "exit 113",
}
DOUBLES = ("osascript", "open", "pgrep", "orb", "brew", "colima", "docker")


class DoubleMac:
    """An M4 Max with 36 GiB, whose folder is short enough for a socket's address."""

    def __init__(self, folder: Path, runtime: str) -> None:
        self.folder, self.home = folder, folder / "home"
        programs = folder / "bin"
        for name in ("bin", "cellar", "home"):
            (folder / name).mkdir()
        for name, text in SYSTEM.items():
            self._program(programs / name, text)
        shutil.copy(ROOT / "lab/face/usr/sbin/sysctl", programs / "sysctl")
        recording = ROOT / "lab/macs/m4max.txt"
        text = (programs / "sysctl").read_text().replace("/opt/lab/sysctl.txt", str(recording))
        (programs / "sysctl").write_text(text)
        for name in DOUBLES:
            double = f"{ROOT / 'tests/vm/doubles.py'} {name} {folder}"
            self._program(folder / "cellar" / name, f'exec {sys.executable} {double} "$@"')
            if runtime != "none" or name not in ("colima", "docker"):
                (programs / name).symlink_to(folder / "cellar" / name)
        self.docker_cli = f"{programs}/docker"
        self.keep_running("harbour-pilot", "harbour-tide")

    def _program(self, path: Path, text: str) -> None:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def keep_running(self, *containers: str) -> None:
        """The containers that its daemon starts with it, from the next start."""
        (self.folder / "containers").write_text(" ".join(containers))

    def does(self, name: str, *words: str) -> str:
        """Run one of its programs."""
        done = subprocess.run(
            [self.folder / "cellar" / name, *words], check=True, capture_output=True, text=True
        )
        return done.stdout

    @property
    def calls(self) -> list[str]:
        """Its doubles' calls that change something, in order."""
        asked = (
            "docker version",
            "docker desktop status",
            "colima list",
            "orb config get",
            "pgrep",
        )
        calls = (self.folder / "calls").read_text().splitlines()
        return [call for call in calls if not call.startswith(asked)]

    def forget_calls(self) -> None:
        """Count from here."""
        (self.folder / "calls").write_text("")

    def settings(self, name: str = "settings-store.json") -> Path:
        """Docker Desktop's settings."""
        return self.home / "Library/Group Containers/group.com.docker" / name

    def write_settings(self, text: str, name: str = "settings-store.json") -> Path:
        """Let them say this."""
        file = self.settings(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def project(self, socket: str) -> Project:
        """The small stack's project, for this Mac by @local."""
        folder = shutil.copytree(
            ROOT / "tests/stories/small", self.folder / "project", dirs_exist_ok=True
        )
        data = {"docker_cli": self.docker_cli, "docker_socket": f"{self.home}/{socket}"}
        inventory = folder / "inventory.py"
        inventory.write_text(f"m4max = [('@local', {json.dumps(data)})]\n")
        path = f"{self.folder}/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        return Project(folder, inventory, {**os.environ, "HOME": str(self.home), "PATH": path})

    def host(self, monkeypatch, socket: str, **data) -> Host:
        """It as pyinfra's @local, in this process, with the data of the small stack's project."""
        project = self.project(socket)
        said = runpy.run_path(str(project.folder / "group_data/all.py"))
        paths = {"docker_cli": self.docker_cli, "docker_socket": f"{self.home}/{socket}"}
        for name in ("HOME", "PATH"):
            monkeypatch.setenv(name, project.environment[name])
        monkeypatch.chdir(project.folder)
        given = {**said, **paths, **data}
        inventory = Inventory((["@local"], {}), m4max=([("@local", given)], {}))
        state = State(inventory, Config())
        host = inventory.get_host("@local")
        host.connect()
        ctx_state.set(state)
        return host

    def end(self) -> None:
        """End its daemon."""
        pid = self.folder / "pid"
        if pid.exists():
            with suppress(ProcessLookupError):
                os.kill(int(pid.read_text()), signal.SIGKILL)
