"""What a lab is asked for: hosts with their chips and runtimes; and what it says it is."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.process import LabError
from lab.runtimes import runtime

MACS = Path(__file__).parent / "macs"
LINUX = "linux-x86-64"
USER = "trader"
VM_NUMBER = 90


@dataclass(frozen=True)
class HostSpec:
    """One host as asked for; `chip` names a recording in lab/macs, or linux-x86-64."""

    name: str
    number: int
    chip: str
    runtime: str
    credentials_store: bool = True
    passwordless_sudo: bool = False
    emulated: bool = False

    @property
    def home(self) -> str:
        """The user's home directory."""
        return f"/home/{USER}" if self.runtime == "linux" else f"/Users/{USER}"

    @property
    def recording(self) -> Path:
        """What the host's sysctl prints."""
        return MACS / f"{self.chip}.txt"

    @property
    def group(self) -> str:
        """Inventory group: the chip without its core and memory variant."""
        return self.chip if self.chip == LINUX else self.chip.partition("-")[0]


@dataclass(frozen=True)
class HostState:
    """How to reach one running host; all a test or an inventory needs of it."""

    name: str
    chip: str
    group: str
    runtime: str
    address: str
    port: int
    user: str
    key: str
    known_hosts: str
    socket: str
    cli: str
    emulated: bool
    spec: dict[str, object]


def chips() -> list[str]:
    """Names of the recorded chips."""
    return sorted(path.stem for path in MACS.glob("*.txt"))


def host_specs(
    count: int,
    chip_names: Sequence[str],
    runtime_names: Sequence[str],
    *,
    credentials_store: bool = True,
    passwordless_sudo: bool = False,
) -> list[HostSpec]:
    """Specs of mac1 to macN; a list shorter than N is repeated. LabError for an unknown name."""
    if count < 1:
        raise LabError(f"--n {count}: a lab has at least one host")
    known = chips()
    for chip in chip_names:
        if chip not in known and chip != LINUX:
            raise LabError(f"chip {chip!r} is not one of {', '.join([*known, LINUX])}")
    specs = []
    for index in range(count):
        chosen = runtime(runtime_names[index % len(runtime_names)]).name
        chip = LINUX if chosen == "linux" else chip_names[index % len(chip_names)]
        if chip == LINUX:
            chosen = "linux"
        specs.append(
            HostSpec(
                name=f"mac{index + 1}",
                number=index + 1,
                chip=chip,
                runtime=chosen,
                credentials_store=credentials_store and chosen != "linux",
                passwordless_sudo=passwordless_sudo,
            )
        )
    return specs


def vm_spec() -> HostSpec:
    """The one virtual machine: a Mac with an M4 Max, by its daemon's 14 CPUs and 36 GiB too."""
    return HostSpec("vm1", VM_NUMBER, "m4max", "docker-desktop", emulated=True)


def read_state(file: Path) -> dict[str, HostState]:
    """Hosts by name from the state file; none if there is no lab."""
    if not file.exists():
        return {}
    return {entry["name"]: HostState(**entry) for entry in json.loads(file.read_text())["hosts"]}


def pyinfra_groups(
    known: Iterable[HostState], data: Mapping[str, str]
) -> dict[str, list[tuple[str, dict[str, object]]]]:
    """pyinfra's inventory groups by name, each host with how to log in and with `data`."""
    groups: dict[str, list[tuple[str, dict[str, object]]]] = {}
    for host in known:
        login = {
            "ssh_hostname": host.address,
            "ssh_port": host.port,
            "ssh_user": host.user,
            "ssh_key": host.key,
            "ssh_known_hosts_file": host.known_hosts,
            "ssh_strict_host_key_checking": "yes",
        }
        groups.setdefault(host.group, []).append((host.name, {**login, **data}))
    return groups


def write_state(file: Path, registry: str, hosts: Sequence[HostState]) -> None:
    """Write the state file in one step, so that a reader never sees half of it."""
    content = {"registry": registry, "hosts": [asdict(host) for host in hosts]}
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.rename(file)
