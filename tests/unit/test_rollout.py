"""A rollout in front of a pyinfra double, which writes the reports that a scenario tells it to."""

import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import rollout
from tests.reported import demo_report

DOUBLE = """#!{python} -SE
import json, os, signal, sys
from pathlib import Path
inventory, program, *words = sys.argv[1:]
scenario = json.loads(Path("scenario.json").read_text())
if program == "debug-inventory":
    print(json.dumps([{{"name": name, "groups": ["all"]}} for name in scenario["hosts"]]))
    sys.exit()
hosts = [word.removeprefix("--limit=") for word in words if word.startswith("--limit=")]
with open("calls", "a") as calls:
    said = [word for word in words if not word.startswith("--limit=")]
    print(Path(program).name, *hosts, *said, file=calls)
for host in hosts:
    report = scenario.get(Path(program).name, {{}}).get(host)
    if report and "--dry" not in words:
        folder = Path("reports", host)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(report))
if scenario.get("interrupted") in hosts:
    os.kill(os.getppid(), signal.SIGINT)
    # A terminal would tell both; without one, only who was asked to.
    os.kill(os.getpid(), signal.SIGINT) if not scenario.get("untold") else signal.pause()
sys.exit(int(any(host in scenario.get("failing", ()) for host in hosts)))
"""


def report(host: str, release: str = "new", former: str | None = "old", **fields):
    made = demo_report(**fields)
    about = made.about.model_copy(update={"host": host, "release": release, "former": former})
    return json.loads(made.model_copy(update={"about": about}).model_dump_json())


@dataclass(frozen=True)
class Done:
    """How a rollout ended."""

    status: int
    stdout: str
    stderr: str
    calls: list[str]
    """Programs that pyinfra was run with, their hosts and options."""


@pytest.fixture
def play(tmp_path, monkeypatch, capfd):
    """Roll out in a folder of one's own."""
    double = tmp_path / "pyinfra"
    double.write_text(DOUBLE.format(python=sys.executable))
    double.chmod(0o755)
    monkeypatch.setattr(rollout, "PYINFRA", double)
    monkeypatch.chdir(tmp_path)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGALRM)}

    def run(*words: str, hosts: str = "abc", **scenario: object) -> Done:
        said = {"deploy.py": {host: report(host) for host in hosts}, **scenario}
        Path("scenario.json").write_text(json.dumps({"hosts": list(hosts), **said}))
        Path("calls").write_text("")
        status = rollout.main(["macs.py", *words])
        out, err = capfd.readouterr()
        return Done(status, out, err, Path("calls").read_text().splitlines())

    yield run
    signal.alarm(0)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def lines(done):
    """Host → its line of the summary, without its name."""
    table = done.stdout.partition("what became of each host\n")[2].splitlines()[1:-1]
    cells = [line.split("  ", 1)[1].lstrip("1 ").split(maxsplit=1) for line in table]
    return {host: " ".join(rest.split()) for host, rest in cells}


def test_each_wave_is_one_run_and_is_summed_up(play):
    done = play("--waves", "1", "--data", "why=x", "--parallel", "2")
    assert done.status == 0, done.stderr
    assert done.calls == [
        "deploy.py a --data=why=x -y --parallel=2",
        'deploy.py b --data=why=x --data=image_sources=["a"] -y --parallel=2',
        'deploy.py c --data=why=x --data=image_sources=["a", "b"] -y --parallel=2',
    ]
    assert lines(done)["a"].startswith("new 14.5 3/3 containers healthy")
    assert done.stdout.endswith("3 of 3 hosts run what was rolled out, verified\n")


def test_how_many_may_fail_before_a_wave_is_given_up_is_pyinfras_to_count(play):
    done = play("--canary", "2", "--fail-percent", "0", hosts="ab")
    assert done.calls == ["deploy.py a b -y --fail-percent=0"]


def test_a_dry_run_shows_waves_and_begins_none(play):
    done = play("--dry", "--diff", "--waves", "50%")
    assert done.status == 0
    assert "canary: a\n==> wave 1: b\n==> wave 2: c\n" in done.stdout
    assert done.calls == ["deploy.py a b c --dry --diff"]
    assert not Path("reports").exists()


def test_a_failed_wave_goes_back_and_the_rest_is_left_alone(play):
    back = {"b": report("b", "old", "new"), "d": report("d", "older", "new")}
    deployed = {
        "a": report("a"),
        "b": report("b"),
        "c": report("c", "old", failed="the operation 'Start services' failed"),
        "d": report("d", former="older"),
        "e": report("e", former="new"),
        "f": report("f", former=None),
    }
    scenario = {"deploy.py": deployed, "rollback.py": back, "failing": ["c"]}
    done = play("--waves", "5", hosts="abcdefgh", **scenario)
    assert done.status == 1
    assert done.calls == [
        "deploy.py a -y",
        'deploy.py b c d e f --data=image_sources=["a"] -y',
        'rollback.py b --data=release="old" -y',
        'rollback.py d --data=release="older" -y',
    ]
    found = lines(done)
    assert found["a"].startswith("new 14.5 3/3")
    assert found["b"].startswith("old 14.5 rolled back with its wave: 3/3")
    assert found["c"].startswith("old 14.5 failed: the operation 'Start services' failed; now 3/3")
    assert found["d"].startswith("older 14.5 rolled back with its wave")
    assert found["e"].startswith("new 14.5 left as it is, ran this release before")
    assert found["f"].startswith("new 14.5 left as it is, this is its first release")
    assert (found["g"], found["h"]) == ("not begun", "not begun")
    assert "1 of 8 hosts run what was rolled out" in done.stdout


def test_a_wave_whose_run_fails_is_rolled_back_though_its_reports_are_good(play):
    done = play(failing=["a"], **{"rollback.py": {"a": report("a", "old", "new")}})
    assert done.status == 1
    assert done.calls == ["deploy.py a -y", 'rollback.py a --data=release="old" -y']


def test_what_nobody_measured_in_this_run_is_not_good(play):
    play(hosts="a")
    done = play(hosts="a")  # the same reports again, as if the run hadn't written them
    assert done.status == 1
    assert lines(done) == {"a": "failed, and nothing was measured: see above"}


def test_a_host_with_problems_fails_its_wave(play):
    wrong = report("a", problems=("risk: its container is missing",))
    done = play(hosts="ab", **{"deploy.py": {"a": wrong}})
    assert done.status == 1
    assert "failed: risk: its container is missing; 3/3" in lines(done)["a"]
    assert lines(done)["b"] == "not begun"


def test_a_way_back_that_fails_is_said(play):
    done = play("--canary", "2", hosts="ab", failing=["b"], **{"deploy.py": {"a": report("a")}})
    assert lines(done)["a"].startswith("new 14.5 not rolled back: failed")


def test_ctrl_c_says_who_is_done_and_who_was_not_begun(play):
    deployed = {"a": report("a"), "c": report("c")}
    done = play("--waves", "2", hosts="abcd", interrupted="b", **{"deploy.py": deployed})
    assert done.status == 128 + signal.SIGINT, done.stderr
    assert done.calls == ["deploy.py a -y", 'deploy.py b c --data=image_sources=["a"] -y']
    found = lines(done)
    assert found["a"].startswith("new 14.5 3/3")
    assert found["b"] == "interrupted: run it again"
    assert found["c"].startswith("new 14.5 3/3")
    assert found["d"] == "not begun"


def test_an_interrupt_reaches_a_run_that_was_not_told_of_it(play, monkeypatch):
    monkeypatch.setattr(rollout, "GRACE_S", 1)
    done = play(interrupted="a", untold=True, **{"deploy.py": {}})
    assert done.status == 128 + signal.SIGINT
    assert lines(done) == {"a": "interrupted: run it again", "b": "not begun", "c": "not begun"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--canary", "4"), "--canary 4: there are 3 hosts; write a smaller number"),
        (("--waves", "0"), "--waves: '0' is no size of a wave"),
        (("--limit", "x"), "--limit x: no host or group is called so"),
        (("--data", "x"), "--data x: write KEY=VALUE"),
    ],
)
def test_wrong_input_is_one_line_and_begins_nothing(play, words, said):
    done = play(*words)
    assert done.status == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.calls == []
