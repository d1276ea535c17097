"""Every lab that the tests start; `python -m tests.labs` ends what a killed run left of them."""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from pathlib import Path

from lab import lab, network
from lab.settings import Settings

# Beside the one of tests/lab.env: those that a test starts for itself and ends.
SUBNETS = {"stories": "10.213.1.0/24", "odd": "10.213.2.0/24", "labtest": "10.211.77.0/24"}


def settings_of(name: str) -> Settings:
    """One of these labs, in a directory of its own beside the environment's."""
    default = Settings.from_environment()
    run = default.run.with_name(f"drydock-{name}")
    return Settings(name=name, cache=default.cache, run=run, subnet=IPv4Network(SUBNETS[name]))


def environment_of(settings: Settings) -> Mapping[str, str]:
    """What tells `python -m lab` of a lab."""
    return {
        "DRYDOCK_LAB_NAME": settings.name,
        "DRYDOCK_LAB_DIR": str(settings.run),
        "DRYDOCK_LAB_CACHE": str(settings.cache),
        "DRYDOCK_LAB_SUBNET": str(settings.subnet),
    }


def traces(settings: Settings) -> list[str]:
    """All that a lab leaves on a machine while it runs."""
    found = [name for name in network.namespaces() if name.startswith(settings.namespace(""))]
    links = subprocess.run(["ip", "-br", "link"], check=True, capture_output=True, text=True)
    found += [line for line in links.stdout.splitlines() if line.startswith(settings.name)]
    for table in ("filter", "nat"):
        rules = subprocess.run(
            ["iptables", "-w", "-t", table, "-S"], check=True, capture_output=True, text=True
        )
        found += [line for line in rules.stdout.splitlines() if settings.name in line]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{settings.cgroup}")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mounts = (process / "mountinfo").read_text()
        except OSError:
            continue
        if str(settings.run) in mounts:
            found.append(f"process {process.name} with a mount of {settings.run}")
    return found


def end(labs: Iterable[Settings]) -> list[str]:
    """End labs, whatever state they are in, and say what is left of them all the same."""
    left = []
    for each in labs:
        lab.down(each, keep_data=False)
        left += traces(each)
    return left


def main() -> int:
    """End every lab; exit status 1 when something is left."""
    left = end([Settings.from_environment(), *map(settings_of, SUBNETS)])
    for trace in left:
        print(f"left behind: {trace}", file=sys.stderr)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
