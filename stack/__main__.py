"""`python -m stack plan`: the map that a Mac would get, with no host at all."""

import argparse
import json
import runpy
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stack.chips import parse_sysctl
from stack.daemon import daemon_of
from stack.display import show_plan
from stack.errors import DrydockError
from stack.load import DATA_KEYS, Inputs, group_origins, load_stack
from stack.model import Chip, Daemon, Map
from stack.planner.every_chip import outcomes, show_every_chip
from stack.planner.map import plan
from stack.planner.why import why

PROJECT = Path(__file__).parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if a map was planned, 2 if the input is wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.all_chips:
            load = partial(load_groups, options.group_data, overriding=options.data)
            print(show_every_chip(outcomes(options.macs, load)))
            return 0
        if not options.sysctl or not options.docker_info:
            parser.error("plan needs --sysctl and --docker-info, or --all-chips")
        chip = parse_sysctl(_read(options.sysctl))
        daemon = daemon_of(_read_json(options.docker_info))
        inputs = load_groups(options.group_data, chip.tag, options.data)
        planned = plan(inputs, chip, daemon)
        if options.why:
            print(why(options.why, inputs, chip, daemon, planned))
            return 0
    except DrydockError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(plan_json(planned, chip, daemon), indent=2, ensure_ascii=False))
    else:
        print(show_plan(inputs.stack, planned, chip, daemon))
    return 0


def load_groups(directory: Path, tag: str, overriding: Path | None = None) -> Inputs:
    """Load all.py and the chip's own group file, with keys of a JSON file over them."""
    data: dict[str, Any] = {}
    for group in ("all", tag):
        path = directory / f"{group}.py"
        if path.is_file():
            data |= _run(path)
    origins = group_origins([tag], directory)
    if overriding:
        said = _read_json(overriding)
        data |= said
        origins |= dict.fromkeys(said, str(overriding))
    return load_stack(data, origins)


def plan_json(planned: Map, chip: Chip, daemon: Daemon) -> dict[str, Any]:
    """Give a map to a program; memory in bytes, a cpuset null where any core will do."""
    return {
        "chip": chip.model_dump(
            include={"name": True, "levels": {"__all__": {"name", "cores"}}, "memory_bytes": True}
        ),
        "daemon": daemon.model_dump(include={"cpus", "memory_bytes"}),
        "image_tag": chip.tag,
        **planned.model_dump(mode="json"),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("plan", help="show the map that a Mac would get")
    command.add_argument("--sysctl", type=Path, help="text of `sysctl` on the Mac")
    command.add_argument(
        "--docker-info",
        type=Path,
        help="JSON of `docker info --format '{{json .}}'`",
    )
    command.add_argument("--data", type=Path, help="JSON of host data, such as overrides")
    command.add_argument("--group-data", type=Path, default=PROJECT / "group_data")
    command.add_argument(
        "--all-chips", action="store_true", help="a table of every recorded chip and memory size"
    )
    command.add_argument("--macs", type=Path, default=PROJECT / "lab/macs", help="its recordings")
    command.add_argument("--why", metavar="SERVICE", help="why a service got what it got")
    command.add_argument("--json", action="store_true", help="for a program")
    return parser


def _run(path: Path) -> dict[str, Any]:
    try:
        names = runpy.run_path(str(path))
    except Exception as error:
        raise DrydockError(f"{path.parent.name}/{path.name}: {error}") from error
    # A mistyped key is refused later; modules and functions are no data.
    return {k: v for k, v in names.items() if k in DATA_KEYS or _is_data(k, v)}


def _is_data(name: str, value: object) -> bool:
    return not name.startswith("_") and isinstance(value, dict | list | tuple | str | int | float)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise DrydockError(f"{path}: can't be read: {reason}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise DrydockError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise DrydockError(f'{path}: expected a JSON object, such as {{"NCPU": 14}}')
    return value


if __name__ == "__main__":
    # `… | head` ends us as it ends other commands, without a traceback.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
