"""`python -m lab up | down | status | ssh`: simulated Macs on this machine."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from lab import lab
from lab.hosts import ssh_command
from lab.process import LabError
from lab.settings import Settings
from lab.spec import host_specs, read_state, vm_spec


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit status 1 with one line on stderr when it can't be done."""
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings.from_environment()
        return _COMMANDS[arguments.command](settings, arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _up(settings: Settings, arguments: argparse.Namespace) -> int:
    specs = host_specs(
        arguments.n,
        arguments.chips.split(","),
        arguments.runtimes.split(","),
        credentials_store=arguments.creds_store,
        passwordless_sudo=arguments.sudo,
    )
    lab.up(settings, [*specs, vm_spec()] if arguments.vm else specs)
    return 0


def _down(settings: Settings, arguments: argparse.Namespace) -> int:
    lab.down(settings, keep_data=arguments.keep_data)
    return 0


def _status(settings: Settings, arguments: argparse.Namespace) -> int:
    report = lab.status(settings)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        for host in report["hosts"]:
            print(f"{host['name']:6} {host['chip']:12} {host['address']:14} {host['state']}")
        print(f"registry {report['registry']['address']} {report['registry']['state']}")
    return 0 if report["well"] else 1


def _ssh(settings: Settings, arguments: argparse.Namespace) -> int:
    known = read_state(settings.state_file)
    if arguments.name not in known:
        raise LabError(f"no host {arguments.name}; running: {', '.join(known) or 'none'}")
    command = ssh_command(known[arguments.name], *arguments.words)
    os.execvp(command[0], command)  # noqa: S606 - an argument list, so no shell can misread it


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start hosts, or what is missing of them")
    up.add_argument("--n", type=int, default=1, help="how many hosts, mac1 to macN")
    up.add_argument("--chips", default="m4max", help="recordings of lab/macs, one a host")
    up.add_argument("--runtimes", default="docker-desktop", help="container runtime, one a host")
    up.add_argument(
        "--creds-store",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a credential helper that fails over SSH, as Macs have it",
    )
    up.add_argument(
        "--vm", action="store_true", help="also vm1: 14 CPUs and 36 GiB in software emulation"
    )
    up.add_argument("--sudo", action="store_true", help="sudo without a password")
    down = commands.add_parser("down", help="end and remove all of the lab")
    down.add_argument("--keep-data", action="store_true", help="keep images and volumes")
    status = commands.add_parser("status", help="what runs, and whether it is well")
    status.add_argument("--json", action="store_true")
    ssh = commands.add_parser("ssh", help="log in to a host, or run a command on it")
    ssh.add_argument("name")
    ssh.add_argument("words", nargs=argparse.REMAINDER, metavar="command")
    return parser


_COMMANDS = {"up": _up, "down": _down, "status": _status, "ssh": _ssh}

if __name__ == "__main__":
    sys.exit(main())
