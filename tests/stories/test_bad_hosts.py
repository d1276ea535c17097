"""Hosts that can't run a stack: one clear error each, before anything on them changes."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest

from lab.hosts import ssh_command
from tests.stories.mac import Mac
from tests.stories.old_daemon import OldDaemon
from tests.stories.project import ROOT, Project, Run, login, write_inventory
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def odd_project(harbour: Project, odd_lab: Lab) -> Project:
    return Project(harbour.folder, ROOT / "lab/inventory.py", odd_lab.environment)


@pytest.fixture
def odd_mac(odd_lab: Lab):
    return lambda name: Mac(odd_lab.settings, odd_lab.hosts[name])


def refused(project: Project, mac: Mac, *sentences: str, **options: object) -> None:
    """A deploy says these words to the host, has no traceback, fails, and changes nothing."""
    before = mac.evidence()
    says(project.run("deploy.py", "-y", hosts=mac.name, **options), mac, *sentences)
    assert mac.evidence() == before


def says(run: Run, mac: Mac, *sentences: str) -> None:
    said = [line for line in run.text.splitlines() if f"[{mac.name}]" in line]
    # What takes long is said to be under way.
    (error,) = [line for line in said if not re.search(r"Connected$|, \d+ s$", line)]
    for sentence in sentences:
        assert sentence in error
    assert "Traceback" not in run.text
    assert run.status != 0


def test_a_daemon_that_is_silent(harbour: Project, mac1: Mac):
    with socket.socket(socket.AF_UNIX) as silent:
        path = mac1.root / "tmp/silent.sock"
        silent.bind(str(path))
        path.chmod(0o666)
        silent.listen()
        try:
            refused(
                harbour,
                mac1,
                "the Docker daemon doesn't answer: /tmp/silent.sock",
                "start it, then run again",
                docker_socket="/tmp/silent.sock",
            )
        finally:
            path.unlink()


def test_a_docker_that_is_too_old(harbour: Project, mac1: Mac):
    path = mac1.root / "tmp/old.sock"
    with ThreadingUnixStreamServer(str(path), OldDaemon) as server:
        path.chmod(0o666)
        threading.Thread(target=server.serve_forever).start()
        try:
            refused(
                harbour,
                mac1,
                "Docker 20.10.24 (API 1.41) is too old: Drydock needs Docker 25 or later",
                docker_socket="/tmp/old.sock",
            )
        finally:
            server.shutdown()
            path.unlink()


def test_no_compose(odd_project: Project, odd_mac):
    colima = odd_mac("mac1")
    plugin = "/opt/homebrew/lib/docker/cli-plugins/docker-compose"
    colima.remove_stack("harbour")
    colima.sh(f"sudo mv {plugin} /tmp/away")
    try:
        refused(odd_project, colima, "Compose v2")
    finally:
        colima.sh(f"sudo mv /tmp/away {plugin}")


@pytest.mark.parametrize(
    ("name", "chip"), [("mac5", "Intel"), ("mac6", "Apple M1 (Virtual), a virtual machine")]
)
def test_a_chip_that_is_not_the_groups(
    odd_project: Project, odd_lab: Lab, odd_mac, tmp_path: Path, name, chip
):
    (odd_project.folder / "group_data/m4max.py").write_text('chip = "m4max"\n')
    inventory = write_inventory(tmp_path / "macs.py", {"m4max": [login(odd_lab.hosts[name])]})
    refused(
        odd_project,
        odd_mac(name),
        "group_data/m4max.py: chip = 'm4max', but this host has",
        chip,
        "put it into the group of its own chip",
        inventory=inventory,
    )


@contextmanager
def sysctl_says(mac: Mac, old: str, new: str) -> Iterator[None]:
    """The host's sysctl has another line, as long as this lasts."""
    recording = mac.root / "opt/lab/sysctl.txt"
    said = recording.read_text()
    assert old in said
    recording.write_text(said.replace(old, new))
    try:
        yield
    finally:
        recording.write_text(said)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("hw.memsize:", "hw.forgotten:"),
        ("hw.perflevel0.physicalcpu: ", "hw.perflevel0.physicalcpu: x"),
        ("machdep.cpu.brand_string:", "machdep.cpu.forgotten:"),
    ],
)
def test_a_sysctl_line_that_is_wrong_or_missing(odd_project: Project, odd_mac, line, instead):
    mac = odd_mac("mac3")
    with sysctl_says(mac, line, instead):
        refused(odd_project, mac, line.rstrip(": "))


def test_a_port_that_another_program_holds(harbour: Project, mac1: Mac):
    listener = "$s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1:18080') or die"
    program = f'perl -MIO::Socket -e "{listener}; \\$| = 1; print qq(ready\\n); <STDIN>"'
    command = ssh_command(mac1.state, program.replace("$s", "\\$s"))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        refused(
            harbour,
            mac1,
            "port 18080, for gate, is taken by perl, pid ",
            "on 127.0.0.1",
            "stack.services.gate.host_port",
        )


def test_too_little_disk(harbour: Project, mac1: Mac):
    refused(harbour, mac1, "too little disk: ", "900 TiB", "min_free_disk", min_free_disk="900 TiB")


def test_a_template_that_does_not_render(harbour: Project, mac1: Mac):
    harbour.edit("templates/gate/nginx.conf.j2", "arguments.greeting", "arguments.farewell")
    refused(harbour, mac1, "templates/gate/nginx.conf.j2, line 19: doesn't render", "farewell")


def test_a_base_image_that_cannot_be_pulled(harbour: Project, mac1: Mac):
    harbour.edit("group_data/all.py", "nginx:1.26", "nginx:0.0.1")
    refused(harbour, mac1, "base image nginx:0.0.1 can't be pulled", "set registry_mirror")


def test_a_container_of_somebody_else_has_the_name(harbour: Project, mac1: Mac):
    mac1.docker("run", "--detach", "--name", "harbour-gate", "redis:8.0")
    try:
        refused(
            harbour,
            mac1,
            "container harbour-gate exists already, made by hand and not by Drydock",
            "--data adopt=true",
            "docker rename harbour-gate harbour-gate-former",
        )
    finally:
        mac1.docker("rm", "--force", "harbour-gate")


def test_no_docker_at_all(odd_project: Project, odd_mac):
    mac = odd_mac("mac6")
    mac.sh("sudo rm -rf /Applications/Docker.app /usr/local/bin/docker ~/.docker/run ~/.docker/bin")
    run = odd_project.run("deploy.py", "-y", hosts="mac6")
    says(run, mac, "no Docker on this host: install Docker Desktop, OrbStack, Colima or Rancher")
    assert mac.tries("ls -d ~/.drydock").returncode != 0
