"""The journal of a run: what reaches the host, and the script that appends it."""

import json
import subprocess
from types import SimpleNamespace

import pytest
from paramiko import SSHException

from operations import journal
from operations.progress import Progress
from stack.changes.change import Change, Changes, CurrentRelease
from tests.demo import demo_host, demo_inputs, demo_release
from tests.facts.conftest import executable, home, shell  # noqa: F401 - fixtures


class HostDouble:
    """Runs shell commands here."""

    name = "mac1"

    def __init__(self, shell):  # noqa: F811
        self._shell, self.said, self.commands = shell, [], 0

    def run_shell_command(self, command, _stdin):
        self.commands += 1
        text = "".join(f"{line}\n" for line in _stdin)
        words = [*self._shell, "-c", command.get_raw_value()]
        done = subprocess.run(words, check=False, input=text, capture_output=True, text=True)
        return done.returncode == 0, done

    def log(self, line):
        self.said.append(line)

    def log_styled(self, line, **_):
        self.said.append(line)


@pytest.fixture
def plan(home, demo_project):  # noqa: F811
    return SimpleNamespace(
        release=demo_release(demo_project),
        detected=demo_host(str(home)),
        settings=demo_inputs(why="more memory").settings,
        current=CurrentRelease(id="ba9876543210"),
        changes=Changes((Change("update", "risk", "memory", "2 GiB", "3 GiB"),)),
    )


def read(home, name):  # noqa: F811
    return (home / ".drydock/demo/logs" / name).read_text().splitlines()


def test_a_run_leaves_who_what_and_how_long(shell, home, plan):  # noqa: F811
    host = HostDouble(shell)
    assert journal.begin(host, plan, "a deploy")
    assert [json.loads(it)["event"] for it in read(home, "events.jsonl")] == ["begun", "change"]
    progress = Progress(host, "start", 1)
    progress.begin("risk")
    progress.end("risk", "healthy")
    assert journal.end(host, "good")
    assert journal.end(host, "not verified")

    events = [json.loads(it) for it in read(home, "events.jsonl")]
    assert [it["event"] for it in events] == ["begun", "change", "step", "ended"]
    assert len({it["run"] for it in events}) == 1
    assert (events[0]["why"], events[0]["former"]) == ("more memory", "ba9876543210")
    assert events[0]["who"].count("@") == 1
    assert (events[2]["subject"], events[2]["outcome"]) == ("risk", "healthy")
    assert events[3]["outcome"] == "good"
    assert 0 <= events[2]["seconds"] <= events[3]["seconds"] < 60
    lines = read(home, "m4max-startup.log")
    assert len(lines) == 4
    assert "waiting for risk: healthy in 0.0 s" in lines[2]


def test_a_run_that_changes_nothing_writes_nothing(home, plan):  # noqa: F811
    host = HostDouble(["sh"])
    progress = Progress(host, "start", 1)
    progress.begin("risk")
    progress.end("risk", "healthy")
    assert journal.end(host, "good")
    assert host.commands == 0


def test_a_journal_that_cannot_be_written_stops_the_run(home, plan):  # noqa: F811
    (home / ".drydock").write_text("a file")
    host = HostDouble(["sh"])
    assert not journal.begin(host, plan, "a deploy")
    assert host.said == ["the journal can't be written: nothing was changed"]


def test_a_log_that_grows_is_put_aside(shell, home):  # noqa: F811
    log = home / "logs/events.jsonl"
    for text in ("one", "two", "three", "four", "five"):
        words = [*shell, "-c", journal.APPEND, "drydock-append", str(log), "3"]
        subprocess.run(words, check=True, input=f"{text}\n", text=True)
    found = {it.name: it.read_text() for it in log.parent.iterdir()}
    assert found == {
        "events.jsonl": "five\n",
        "events.jsonl.1": "four\n",
        "events.jsonl.2": "three\n",
        "events.jsonl.3": "two\n",
    }


def test_a_host_that_is_lost_is_said_once_and_breaks_nothing_off(shell, home, plan):  # noqa: F811
    host = HostDouble(shell)
    assert journal.begin(host, plan, "a deploy")
    host.run_shell_command = gone
    assert not journal.end(host, "not verified")
    assert host.said == ["the journal lacks the end, the host was lost: SSH session not active"]
    assert journal.end(host, "not verified"), "there is nothing more to say"


def gone(*_, **__):
    raise SSHException("SSH session not active")
