"""Measure Drydock in the lab: `python -m bench [NAME ...]`, all benchmarks by default.

Exits with 1 when a target is missed, with 2 when a measurement can't be made.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import machine
from bench.build import build
from bench.command import BenchError
from bench.contention import contention
from bench.engines import engines
from bench.faults import faults
from bench.fleet import fleet
from bench.footprint import footprint
from bench.marketdata import marketdata
from bench.memory import memory
from bench.monitor import monitor
from bench.nothing import nothing
from bench.optimum import STACKS, optimum
from bench.planner import planner
from bench.replacement import replacement
from bench.result import Result
from bench.start import start
from bench.swarm import swarm
from lab.process import LabError

BENCHMARKS: dict[str, tuple[Callable[[Path, int], Result], int]] = {
    "nothing": (nothing, 7),
    "start": (start, 3),
    "build": (build, 3),
    "memory": (memory, 3),
    "engines": (engines, 3),
    "footprint": (footprint, 3),
    "fleet": (fleet, 1),
    "marketdata": (marketdata, 3),
    "monitor": (monitor, 5),
    "optimum": (optimum, STACKS),
    "planner": (planner, 540),
    "contention": (contention, 5),
    "faults": (faults, 50),
    "swarm": (swarm, 3),
    "replacement": (replacement, 10),
}
"""Name → benchmark, and how many rounds it takes unless told otherwise."""


def main() -> int:
    """Run benchmarks, print each result as soon as it is there, write all of them as JSON."""
    arguments = _parser().parse_args()
    described = machine.describe()
    print(", ".join(f"{key} {value}" for key, value in described.items()), flush=True)
    results: list[Result] = []
    try:
        for name in arguments.names or BENCHMARKS:
            measure, rounds = BENCHMARKS[name]
            with TemporaryDirectory(prefix="drydock-bench-") as directory:
                results.append(measure(Path(directory), arguments.rounds or rounds))
            print("\n".join(results[-1].lines()), flush=True)
    except (BenchError, LabError) as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.json:
        content = {**described, "results": [result.as_json() for result in results]}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")
    return 0 if all(target.met for result in results for target in result.targets) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", choices=[[], *BENCHMARKS], help=", ".join(BENCHMARKS)
    )
    parser.add_argument("--rounds", type=int, help="instead of each benchmark's own number")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
