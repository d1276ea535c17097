"""Deploy to many Macs in waves, a canary first: `python rollout.py inventory.py`.

Each wave is one run of pyinfra; the next begins when every host of it was verified. When one fails,
its wave goes back to what it ran before, and the waves after it are left alone.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from stack.errors import DrydockError
from stack.report.folder import folder_of
from stack.report.model import Report
from stack.rollout.outcome import Outcome, left_alone, outcome_of, summary, taken_back
from stack.rollout.waves import Listed, Wave, chosen, waves_of

PYINFRA = Path(sys.executable).with_name("pyinfra")
PROGRAMS = Path(__file__).resolve().parent
INTERRUPTED = 128 + signal.SIGINT
GRACE_S = 10
"""A run of pyinfra that still goes on so long after Ctrl-C wasn't told of it by the terminal."""


class Pyinfra:
    """Runs of pyinfra on one inventory, and whether Ctrl-C ended them."""

    def __init__(self, inventory: str, data: Sequence[str]) -> None:
        wrong = [each for each in data if "=" not in each]
        if wrong:
            raise DrydockError(f"--data {wrong[0]}: write KEY=VALUE")
        self._inventory = inventory
        self._data = [f"--data={each}" for each in data]
        self._process: subprocess.Popen[bytes] | None = None
        self.interrupted = False

    def hosts(self) -> list[Listed]:
        """Hosts of the inventory in its order; DrydockError with what pyinfra says of it."""
        command = [str(PYINFRA), self._inventory, "debug-inventory", "--json", *self._data]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if line and line[:3] != "-->"]
            raise DrydockError("\n".join(told) or f"{self._inventory}: pyinfra can't read it")
        found = json.loads(done.stdout)
        return [Listed(host["name"], tuple(host["groups"])) for host in found]

    def run(self, program: str, hosts: Sequence[str], *words: str) -> int:
        """Run one of the programs beside this file on some hosts; pyinfra's exit status."""
        limits = [f"--limit={host}" for host in hosts]
        command = [str(PYINFRA), self._inventory, str(PROGRAMS / program), *limits]
        # From the first run on, Ctrl-C is pyinfra's to act on; then each host's outcome is told.
        signal.signal(signal.SIGINT, lambda *_: self._interrupt())
        signal.signal(signal.SIGALRM, lambda *_: self._pass_on())
        if self.interrupted:
            return INTERRUPTED
        sys.stdout.flush()
        self._process = subprocess.Popen([*command, *self._data, *words])
        return self._process.wait()

    def _interrupt(self) -> None:
        self.interrupted = True
        signal.alarm(GRACE_S)

    def _pass_on(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)


class Rollout:
    """One rollout, wave after wave."""

    def __init__(self, pyinfra: Pyinfra, waves: Sequence[Wave], words: Sequence[str]) -> None:
        self._pyinfra, self._waves, self._words = pyinfra, waves, words
        self.outcomes: dict[str, Outcome] = {}

    def run(self) -> bool:
        """Roll out until a wave fails or Ctrl-C comes; whether every host is good."""
        return all(self._one(wave) for wave in self._waves)

    def _one(self, wave: Wave) -> bool:
        _say(f"{wave.name}: {', '.join(wave.hosts)}")
        before = {host: _report_text(host) for host in wave.hosts}
        done = [outcome.host for outcome in self.outcomes.values() if outcome.good]
        # With build_once a wave takes the images of those before it.
        sources = [f"--data=image_sources={json.dumps(done)}"] if done else []
        status = self._pyinfra.run("deploy.py", wave.hosts, *sources, "-y", *self._words)
        for host in wave.hosts:
            self.outcomes[host] = outcome_of(host, _fresh_report(host, before[host]))
        if self._pyinfra.interrupted:
            for host in wave.hosts:
                if not self.outcomes[host].good:
                    self.outcomes[host] = Outcome(host, False, "interrupted: run it again")
            return False
        good = status == 0 and all(self.outcomes[host].good for host in wave.hosts)
        if not good:
            _say(f"{wave.name} failed: it is rolled back, and no other wave is begun")
            self._take_back(wave)
        return good

    def _take_back(self, wave: Wave) -> None:
        """Lead the hosts of a failed wave back that had succeeded; the others did so themselves."""
        ways: dict[str, list[str]] = {}
        for host in wave.hosts:
            outcome = self.outcomes[host]
            if outcome.way_back:
                ways.setdefault(outcome.way_back, []).append(host)
            elif outcome.good:
                self.outcomes[host] = left_alone(outcome)
        for release, hosts in ways.items():
            before = {host: _report_text(host) for host in hosts}
            self._pyinfra.run("rollback.py", hosts, f"--data=release={json.dumps(release)}", "-y")
            for host in hosts:
                report = _fresh_report(host, before[host])
                self.outcomes[host] = taken_back(self.outcomes[host], report)


def _report_text(host: str) -> str | None:
    file = folder_of(host) / "report.json"
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _fresh_report(host: str, before: str | None) -> Report | None:
    """A host's report, if it isn't the one that was there before."""
    text = _report_text(host)
    return None if text is None or text == before else Report.model_validate_json(text)


def _say(line: str) -> None:
    print(f"==> {line}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rollout.py", description=__doc__)
    parser.add_argument("inventory", help="as pyinfra takes it, such as inventory.py")
    parser.add_argument("--canary", default="1", help="the first wave: how many or which (1)")
    parser.add_argument("--waves", default="25%", help="the others' sizes: 2, 25%%, 1,50%% (25%%)")
    parser.add_argument(
        "--limit", action="append", default=[], help="only these hosts or groups, as pyinfra's"
    )
    parser.add_argument("--data", action="append", default=[], help="KEY=VALUE, as pyinfra's")
    parser.add_argument(
        "--parallel", type=int, metavar="N", help="hosts at once within a wave (all of it)"
    )
    parser.add_argument(
        "--fail-percent", type=int, metavar="N",
        help="end a wave's run as soon as more than N percent of its hosts failed, as pyinfra's",
    )  # fmt: skip
    parser.add_argument("--dry", action="store_true", help="show the waves and what would change")
    parser.add_argument("--diff", action="store_true", help="show the files' differences, too")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0: every host is good, 1: one isn't, 2: wrong input, 130: Ctrl-C."""
    options = _parser().parse_args(arguments)
    words = [f"--parallel={options.parallel}"] if options.parallel else []
    words += [] if options.fail_percent is None else [f"--fail-percent={options.fail_percent}"]
    words += ["--diff"] if options.diff else []
    try:
        pyinfra = Pyinfra(options.inventory, options.data)
        hosts = chosen(options.inventory, pyinfra.hosts(), options.limit)
        waves = waves_of(hosts, options.canary, options.waves)
    except DrydockError as error:
        print(error, file=sys.stderr)
        return 2
    if options.dry:
        for wave in waves:
            _say(f"{wave.name}: {', '.join(wave.hosts)}")
        status = pyinfra.run("deploy.py", hosts, "--dry", *words)
        return INTERRUPTED if pyinfra.interrupted else status
    rollout = Rollout(pyinfra, waves, words)
    good = rollout.run()
    _say("what became of each host")
    print("\n".join(summary(waves, rollout.outcomes.values())))
    return INTERRUPTED if pyinfra.interrupted else int(not good)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        # No run was begun yet.
        sys.exit(INTERRUPTED)
