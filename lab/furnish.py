"""Write what makes a host itself into its own layer: the Mac's face, SSH, runtime, daemon."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

from lab.process import run
from lab.runtimes import Runtime, runtime
from lab.settings import Settings
from lab.spec import USER, HostSpec

HERE = Path(__file__).parent
USER_ID = 501
GROUP_ID = 20
MAC_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
LINUX_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
SSHD = """\
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin no
UsePAM no
LogLevel VERBOSE
PrintMotd no
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
"""


def furnish(settings: Settings, spec: HostSpec, layer: Path, lower: Path, mtu: int) -> None:
    """Fill `layer`, the empty top of a host's root over `lower`."""
    place = runtime(spec.runtime)
    if spec.runtime == "linux":
        _plain_linux(layer, lower, spec)
    else:
        _face(layer, spec)
    _install(HERE / "host/init.sh", layer / "opt/lab/init")
    _ssh(settings, spec, layer)
    _docker_cli(layer, spec, place)
    _daemon(settings, spec, layer, place, mtu)
    if spec.passwordless_sudo:
        _write(layer / f"etc/sudoers.d/{USER}", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    shutil.copy("/etc/resolv.conf", layer / "etc/resolv.conf")
    _write(layer / "etc/hosts", f"127.0.0.1\tlocalhost {spec.name}\n")


def _face(layer: Path, spec: HostSpec) -> None:
    for double in (path for path in (HERE / "face").rglob("*") if path.is_file()):
        _install(double, layer / double.relative_to(HERE / "face"))
    (layer / "Library/LaunchDaemons").mkdir(parents=True, exist_ok=True)
    _write(layer / "opt/lab/sysctl.txt", spec.recording.read_text())
    thermal = layer / "opt/lab/thermal"
    _write(thermal, "0\n")
    os.chown(thermal, USER_ID, GROUP_ID)
    # A login shell of macOS adds these by path_helper; `ssh mac command` is not one.
    _write(layer / "etc/zsh/zprofile", f"export PATH=/usr/local/bin:{MAC_PATH}\n")


def _plain_linux(layer: Path, lower: Path, spec: HostSpec) -> None:
    old = "/Users/trader:/bin/zsh"
    users = (lower / "etc/passwd").read_text()
    _write(layer / "etc/passwd", users.replace(old, f"{spec.home}:/bin/bash"))
    groups = (lower / "etc/group").read_text()
    member = re.sub(r"^(docker:x:\d+:)$", rf"\1{USER}", groups, flags=re.MULTILINE)
    _write(layer / "etc/group", member)


def _ssh(settings: Settings, spec: HostSpec, layer: Path) -> None:
    keys = settings.run / "ssh"
    path = LINUX_PATH if spec.runtime == "linux" else MAC_PATH
    _write(layer / "etc/ssh/sshd_config", f"{SSHD}SetEnv PATH={path}\n")
    host_key = layer / "etc/ssh/ssh_host_ed25519_key"
    if not host_key.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", spec.name, "-f", host_key)
    home = layer / spec.home.lstrip("/")
    _write(home / ".ssh/authorized_keys", (keys / "id_ed25519.pub").read_text(), mode=0o600)
    (home / ".ssh").chmod(0o700)


def _docker_cli(layer: Path, spec: HostSpec, place: Runtime) -> None:
    def inside(path: str) -> Path:
        return layer / str(place.under(spec.home, path)).lstrip("/")

    programs = {"docker": "/opt/lab/bin/docker"}
    plugins = {
        f"docker-{name}": f"/opt/lab/cli-plugins/docker-{name}" for name in ("compose", "buildx")
    }
    if place.application:
        application = Path(place.application)
        programs = _links(layer, application / "bin", programs)
        plugins = _links(layer, application / "cli-plugins", plugins)
    _link(inside(place.cli), programs["docker"])
    for name, target in plugins.items():
        _link(inside(place.plugins) / name, target)
    home = layer / spec.home.lstrip("/")
    if spec.runtime != "linux":
        store = "desktop" if spec.runtime == "docker-desktop" else "osxkeychain"
        _docker_config(home / ".docker", place, spec, store if spec.credentials_store else None)
        helper = inside(place.cli).with_name(f"docker-credential-{store}")
        _install(HERE / "host/docker-credential.sh", helper)
    _own(home)


def _docker_config(directory: Path, place: Runtime, spec: HostSpec, store: str | None) -> None:
    config: dict[str, object] = {"auths": {}, "currentContext": place.context}
    if store:
        config["credsStore"] = store
    if not place.application:
        # What Homebrew tells its users to write, else its plugins aren't found.
        config["cliPluginsExtraDirs"] = [place.plugins]
    _write(directory / "config.json", json.dumps(config, indent=2) + "\n")
    if not place.context:
        return
    name = hashlib.sha256(place.context.encode()).hexdigest()
    host = f"unix://{place.under(spec.home, place.socket)}"
    meta = {
        "Name": place.context,
        "Metadata": {},
        "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}},
    }
    _write(directory / f"contexts/meta/{name}/meta.json", json.dumps(meta))


def _daemon(settings: Settings, spec: HostSpec, layer: Path, place: Runtime, mtu: int) -> None:
    socket = place.under(spec.home, place.socket)
    if spec.runtime != "linux":
        directory = layer / str(socket.parent).lstrip("/")
        directory.mkdir(parents=True, exist_ok=True)
        _own(layer / spec.home.lstrip("/"))
    config = {
        "hosts": [f"unix://{socket}"],
        "group": "docker" if spec.runtime == "linux" else "staff",
        "cgroup-parent": f"/{settings.cgroup}/{spec.name}",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "registry-mirrors": [f"http://{settings.registry_address}"],
        # Its hosts' own registries have no certificates, either.
        "insecure-registries": [settings.registry_address, str(settings.subnet)],
        "mtu": mtu,
        "default-network-opts": {"bridge": {"com.docker.network.driver.mtu": str(mtu)}},
    }
    _write(layer / "etc/docker/daemon.json", json.dumps(config, indent=2) + "\n")


def _links(layer: Path, directory: Path, targets: dict[str, str]) -> dict[str, str]:
    for name, target in targets.items():
        _link(layer / str(directory).lstrip("/") / name, target)
    return {name: str(directory / name) for name in targets}


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _install(source: Path, target: Path) -> None:
    _write(target, source.read_text(), mode=0o755)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def _own(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        os.chown(path, USER_ID, GROUP_ID, follow_symlinks=False)
