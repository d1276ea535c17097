"""The Debian root that all hosts of the lab share, made once by debootstrap."""

import shutil
from pathlib import Path

from lab.cache import digest, made_once
from lab.machine import SUITE, AptSource, apt_source
from lab.process import run, run_long, say
from lab.settings import Settings

HERE = Path(__file__).parent
# Its own namespaces, so that nothing it mounts or starts outlives it, however it ends.
ISOLATED = ("unshare", "--mount", "--pid", "--fork", "--kill-child")


def debian_root(settings: Settings) -> Path:
    """Directory with `root`, what the hosts run on, and `base.tar`, a bare Debian for images."""
    source = apt_source()
    packages = (HERE / "packages.txt").read_text().split()
    definition = (SUITE, source.sources_list(), source.settings, " ".join(packages))
    key = digest([*definition, HERE / "provision.sh"])
    logs = settings.cache / "logs"

    def make(partial: Path) -> None:
        say(f"Making the lab's Debian root ({SUITE}, from {source.mirror})")
        _debootstrap(partial, source, logs)
        _provision(partial, packages, logs)

    return made_once(settings.cache / f"debian-{key}", make)


def _debootstrap(partial: Path, source: AptSource, logs: Path) -> None:
    root = partial / "root"
    bootstrap = ("debootstrap", "--variant=minbase", SUITE, root, source.mirror)
    run_long("debootstrap", [*ISOLATED, *bootstrap], logs / "debootstrap.log")
    shutil.rmtree(root / "var/cache/apt/archives")
    (root / "etc/apt/sources.list").write_text(source.sources_list())
    (root / "etc/apt/apt.conf.d/90machine").write_text(source.settings)
    run("tar", "-C", root, "-cf", partial / "base.tar", "--numeric-owner", ".", timeout_s=300)


def _provision(partial: Path, packages: list[str], logs: Path) -> None:
    root = partial / "root"
    script = root / "provision.sh"
    shutil.copy(HERE / "provision.sh", script)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    mount_proc = 'mount -t proc proc "$0/proc" && exec chroot "$0" sh /provision.sh "$@"'
    run_long(
        "engine, SSH and tools",
        [*ISOLATED, "sh", "-c", mount_proc, root, *packages],
        logs / "provision.log",
    )
    script.unlink()
