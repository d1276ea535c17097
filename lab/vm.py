"""The lab's virtual machine: 14 CPUs and 36 GiB in software emulation, for the exact m4max map."""

import shutil
import subprocess
from pathlib import Path

from lab import network
from lab.cache import digest, made_once
from lab.debian import ISOLATED
from lab.furnish import furnish
from lab.process import LabError, run, run_long, say
from lab.settings import Settings
from lab.spec import HostSpec

HERE = Path(__file__).parent
TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mkfs.ext4": "e2fsprogs",
}
CPUS = 14
MEMORY = "36G"
ROOT_SIZE = "16G"
DATA_SIZE = "64G"


def image(settings: Settings, debian: Path) -> Path:
    """Directory with `vmlinuz`, `initrd` and `root.img`, made once from the shared root."""
    script = HERE / "debian/vm.sh"
    init = HERE / "host/vm-init.sh"
    key = digest([debian.name, script, init, ROOT_SIZE])
    logs = settings.cache / "logs"

    def make(partial: Path) -> None:
        say("Making the virtual machine's kernel and disk, once")
        root = partial / "root"
        run_long("copy of the root", ["cp", "-a", debian / "root", root], logs / "vm-copy.log")
        shutil.copy(script, root / "vm.sh")
        _executable(init, root / "opt/lab/vm-init")
        mounts = 'mount -t proc proc "$0/proc" && exec chroot "$0" sh /vm.sh'
        run_long("kernel", [*ISOLATED, "sh", "-c", mounts, root], logs / "vm-kernel.log")
        (root / "vm.sh").unlink()
        for name in ("vmlinuz", "initrd.img"):
            (kernel,) = (root / "boot").glob(f"{name}-*")
            shutil.copy(kernel, partial / name.removesuffix(".img"))
        disk = partial / "root.img"
        run("truncate", "-s", ROOT_SIZE, disk)
        run_long("disk", ["mkfs.ext4", "-q", "-F", "-d", root, disk], logs / "vm-disk.log")
        shutil.rmtree(root)

    return made_once(settings.cache / f"vm-{key}", make)


def start(settings: Settings, spec: HostSpec, root: Path, made: Path) -> None:
    """Boot the virtual machine; its disks, if it ran before, stay as they are."""
    home = settings.host_directory(spec.name)
    for part in ("upper", "docker", "log"):
        (home / part).mkdir(parents=True, exist_ok=True)
    furnish(settings, spec, home / "upper", root, network.uplink_mtu())
    run("tar", "-C", home / "upper", "--numeric-owner", "-cf", home / "layer.tar", ".")
    if not (home / "root.qcow2").exists():
        backing = ("-b", made / "root.img", "-F", "raw")
        run("qemu-img", "create", "-q", "-f", "qcow2", *backing, home / "root.qcow2")
    data = home / "docker/data.img"
    if not data.exists():
        run("truncate", "-s", DATA_SIZE, data)
        run("mkfs.ext4", "-q", "-F", data)
    network.join_tap(settings, spec.name)
    with (home / "log/boot.log").open("wb") as log:
        subprocess.Popen(
            _command(settings, spec, home, made),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )


def _command(settings: Settings, spec: HostSpec, home: Path, made: Path) -> list[str]:
    address = f"{settings.address(spec.number)}/{settings.subnet.prefixlen}"
    kernel = {
        "root": "/dev/vda",
        "init": "/opt/lab/vm-init",
        "console": "ttyS0",
        "net.ifnames": "0",
        "mitigations": "off",
        # A clock that turns out unstable makes the kernel patch its own running code, which
        # QEMU's threads don't all see in time: an int3 oops at boot, now and then.
        "tsc": "reliable",
        # With -no-reboot a panic then ends the machine, which is seen at once.
        "panic": "-1",
        "lab.name": spec.name,
        "lab.address": address,
        "lab.gateway": str(settings.gateway),
    }
    append = " ".join(["rw", "quiet", *(f"{name}={value}" for name, value in kernel.items())])
    disks = (
        f"file={home / 'root.qcow2'},format=qcow2",
        f"file={home / 'docker/data.img'},format=raw",
        f"file={home / 'layer.tar'},format=raw,readonly=on",
    )
    return [
        *("nsenter", f"--net=/run/netns/{settings.namespace(spec.name)}", "qemu-system-x86_64"),
        *("-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(CPUS), "-m", MEMORY),
        # Only what the guest touches is taken from this machine.
        *("-object", f"memory-backend-ram,id=ram,size={MEMORY},reserve=off"),
        *("-machine", "q35,memory-backend=ram", "-nodefaults", "-display", "none", "-no-reboot"),
        *("-serial", f"file:{home / 'log/console.log'}", "-device", "virtio-rng-pci"),
        *("-kernel", str(made / "vmlinuz"), "-initrd", str(made / "initrd"), "-append", append),
        *(word for disk in disks for word in ("-drive", f"{disk},if=virtio,discard=unmap")),
        *("-netdev", "tap,id=lab,ifname=tap0,script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=lab,host_mtu={network.uplink_mtu()}"),
    ]


def _executable(source: Path, target: Path) -> None:
    shutil.copy(source, target)
    target.chmod(0o755)


def require_space(settings: Settings) -> None:
    """LabError unless the disk has room for what a deployment writes in the machine."""
    settings.run.mkdir(parents=True, exist_ok=True)
    free_gib = shutil.disk_usage(settings.run).free / 1024**3
    if free_gib < 20:
        raise LabError(f"{settings.run} has {free_gib:.0f} GiB free; the machine needs 20")
