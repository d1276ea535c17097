"""Where a lab lives on the machine: its name, directories and addresses."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from pathlib import Path

from lab.process import LabError

# Linux allows an interface 15 characters; a host's is NAME-HOST.
INTERFACE_LENGTH = 15
NAME = re.compile(r"[a-z][a-z0-9]{0,7}")
FIRST_HOST = 10


@dataclass(frozen=True)
class Settings:
    """One lab of possibly several on a machine; everything it makes carries its name."""

    name: str
    cache: Path
    run: Path
    subnet: IPv4Network

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """DRYDOCK_LAB_NAME, _CACHE, _DIR and _SUBNET, each with a default."""
        name = environment.get("DRYDOCK_LAB_NAME", "drydock")
        if not NAME.fullmatch(name):
            raise LabError(f"DRYDOCK_LAB_NAME={name}: at most 8 lower-case letters and digits")
        subnet = environment.get("DRYDOCK_LAB_SUBNET", "10.77.0.0/24")
        try:
            network = IPv4Network(subnet)
        except (AddressValueError, NetmaskValueError, ValueError) as error:
            raise LabError(f"DRYDOCK_LAB_SUBNET={subnet}: {error}") from error
        if network.prefixlen > 24:
            raise LabError(f"DRYDOCK_LAB_SUBNET={subnet}: needs a /24 or larger")
        return cls(
            name=name,
            cache=Path(environment.get("DRYDOCK_LAB_CACHE", "/var/cache/drydock-lab")),
            run=Path(environment.get("DRYDOCK_LAB_DIR", "/var/lib/drydock-lab")),
            subnet=network,
        )

    @property
    def bridge(self) -> str:
        """Name of the bridge that joins the lab's hosts."""
        return f"{self.name}0"

    @property
    def gateway(self) -> IPv4Address:
        """The machine's own address on the bridge."""
        return self.subnet[1]

    @property
    def registry(self) -> IPv4Address:
        """The registry's address on the bridge."""
        return self.subnet[2]

    @property
    def registry_address(self) -> str:
        """The registry as daemons are told of it: address and port."""
        return f"{self.registry}:5000"

    @property
    def cgroup(self) -> str:
        """Parent of every container of the lab, in each cgroup hierarchy."""
        return f"{self.name}-lab"

    @property
    def state_file(self) -> Path:
        """JSON file that says how each host is reached."""
        return self.run / "state.json"

    def address(self, number: int) -> IPv4Address:
        """Address of the host with this number: from 1, and 0 for the builder of images."""
        return self.subnet[FIRST_HOST + number]

    def host_directory(self, host: str) -> Path:
        """Where a host's own layer, its logs and its images and volumes are."""
        return self.run / "hosts" / host

    def namespace(self, host: str) -> str:
        """Name of a host's network namespace."""
        return f"{self.name}-{host}"

    def interface(self, host: str) -> str:
        """Name of a host's interface on the bridge."""
        return self.namespace(host)[:INTERFACE_LENGTH]
