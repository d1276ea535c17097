"""Commands for a host whose every name tries to break out, run by a real shell.

The programs that it finds only write down their names and arguments. What they get must be what
they get on a host with plain names, with the odd name in the plain one's place and nothing else.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyinfra.api.command import StringCommand
from pyinfra.context import ctx_host, ctx_state

from facts.shell import path_word, script
from operations import save, secrets, verification
from stack.changes.rotation import rotations_of
from tests.demo import demo_host, demo_release
from tests.hostile.pieces import HOSTILE, PIECES
from tests.operations.test_operations import FIXTURES, arguments, operation_of

DASH = shutil.which("dash") or "/bin/sh"
PLAIN = "plain-name"
PROGRAMS = (
    "awk", "basename", "cat", "chmod", "cmp", "cp", "cut", "date", "dd", "dirname", "env", "find",
    "grep", "head", "hostname", "id", "kill", "ln", "ls", "mkdir", "mktemp", "mv", "ps", "readlink",
    "rm", "rmdir", "sed", "sh", "sleep", "sort", "tail", "tar", "touch", "tr", "uname", "wc",
)  # fmt: skip
RECORDER = """#!/bin/sh
{ printf '%s' "${0##*/}"; for word; do printf '\\037%s' "$word"; done
  printf '\\036'; } >>"$RECORD.$$"
"""
# What ends a record would end it in an argument, too.
COMMAND = HOSTILE.filter(lambda text: not set("\0\036\037") & set(text))
CONTAINERS = ("demo-store", "demo-risk-engine")
RUNNING = SimpleNamespace(containers=dict.fromkeys(CONTAINERS, SimpleNamespace(running=True)))
IN_A_NAME = [it for it in PIECES if "/" not in it and "\0" not in it]
# A file's name has 255 bytes at most.
NAMES = ["odd" + "".join(IN_A_NAME[start : start + 9]) for start in range(0, len(IN_A_NAME), 9)]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bin")
    for name in PROGRAMS:
        (folder / name).write_text(RECORDER)
        (folder / name).chmod(0o755)
    return folder


def commands_of(fixture, operation, home, project):
    """The shell commands that an operation yields on a host with this home directory."""
    read = json.loads(fixture.read_text())
    kwargs = arguments(read["kwargs"], {**read["facts"], "home": home}, project)
    with (
        ctx_state.use(SimpleNamespace(is_executing=False)),
        ctx_host.use(SimpleNamespace(name="mac1")),
    ):
        made = list(operation._inner(*read["args"], **kwargs))
    return [it.get_raw_value() for it in made if isinstance(it, StringCommand)]


def ran(commands, name, place, programs):
    """What a shell makes of each command: programs with arguments, words, files; the name PLAIN."""
    folder = place / "here"
    (folder / name).mkdir(parents=True)
    made = []
    for command in commands:
        # One of each process: programs on both sides of a pipe run, and write, at once.
        record = place / "record"
        done = subprocess.run(
            [DASH, "-c", command],
            check=False,
            cwd=folder,
            env={"PATH": str(programs), "HOME": str(folder), "RECORD": str(record)},
            capture_output=True,
        )
        records = list(place.glob("record.*"))
        called = sorted(it for each in records for it in each.read_bytes().decode().split("\036"))
        # A name may have several lines, which the shell counts.
        error = re.sub(r": \d+: ", ": ", done.stderr.decode())
        made.append(json.dumps([called, done.returncode, done.stdout.decode(), error]))
        for each in records:
            each.unlink()
    made.append(json.dumps(sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))))
    shutil.rmtree(folder)
    return [each.replace(json.dumps(name)[1:-1], PLAIN) for each in made]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_no_command_runs_that_was_not_meant(name, tmp_path, programs, demo_project, monkeypatch):
    monkeypatch.setattr(verification, "check", lambda *_: ())
    runs = []
    for each in (PLAIN, name):
        home = f"{tmp_path}/here/{each}"
        commands = [
            command
            for fixture in FIXTURES
            for command in commands_of(
                fixture, operation_of(fixture.parent.name), home, demo_project
            )
        ]
        assert len(commands) > 20
        runs.append(ran(commands, each, tmp_path, programs))
    plain, odd = runs
    assert odd == plain
    assert "".join(plain).count("DOCKER_HOST") > 10


def test_a_value_without_quotes_would_be_found(tmp_path, programs):
    plain, odd = (
        ran([f"mkdir -p {tmp_path}/here/{each}"], each, tmp_path, programs)
        for each in (PLAIN, "; touch pwned")
    )
    assert odd != plain


class Listener:
    """A host that is told shell commands, writes them down, and says that each went well."""

    def __init__(self):
        self.commands = []

    def run_shell_command(self, command, **_):
        self.commands.append(command.get_raw_value())
        return True, SimpleNamespace(output_lines=["0"], stdout_lines=["0"])

    def log(self, _text):
        """Say nothing: the test looks at what ran."""


def told(words, home, project):
    """The commands by which a service of these words is saved, and gets another password."""
    said = {"store": {"backup": {"save": words, "check": words, "load": words},
                      "rotate": {"store_password": words}}}  # fmt: skip
    release, detected = demo_release(project, said), demo_host(home)
    listener, plan = Listener(), SimpleNamespace(release=release, detected=detected)
    save._save(listener, SimpleNamespace(plan=plan), "store", f"{home}/part")
    (rotation,) = rotations_of(release.stack, RUNNING, ["store_password"])
    secrets._rotate(listener, rotation, detected)
    return listener.commands


def called(commands, place, programs):
    """The programs that a shell calls for some commands, each with its arguments."""
    found = []
    for command in commands:
        environment = {"PATH": str(programs), "RECORD": str(place / "record")}
        subprocess.run(
            [DASH, "-c", command], check=False, cwd=place, env=environment, capture_output=True
        )
        for record in place.glob("record.*"):
            text = record.read_bytes().decode()
            found += [each.split("\037") for each in text.split("\036")[:-1]]
            record.unlink()
    return found


@given(words=st.lists(COMMAND, min_size=1, max_size=3))
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_services_own_commands_reach_its_container_word_by_word(
    words, tmp_path_factory, programs, demo_project
):
    place = tmp_path_factory.mktemp("place")
    home = f"{place}/home"
    for folder in (f"{home}/part/data", f"{home}/.drydock/demo/secrets"):
        Path(folder).mkdir(parents=True)
    Path(home, ".drydock/demo/secrets/store_password.next").touch()
    plain, odd = (
        called(told(each, home, demo_project), place, programs) for each in (["PLAIN"], words)
    )
    assert ["exec", "-i", "demo-store", "PLAIN", "settle"] in [each[4:] for each in plain]
    put = [[it for word in each for it in (words if word == "PLAIN" else [word])] for each in plain]
    assert sorted(odd) == sorted(put)
    assert not list(place.rglob("pwned"))


@given(words=st.lists(HOSTILE.filter(lambda text: "\0" not in text), max_size=3))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_word_of_a_fact_arrives_as_it_is(words):
    text = script("files", *(path_word(word) for word in words), odd="".join(words))
    before = text.partition("while [")[0]
    shown = subprocess.run(
        [DASH, "-c", before + 'printf "%s\\0" "$odd" "$@"'],
        check=True,
        env={"HOME": "/home/me"},
        capture_output=True,
    )
    at_home = (f"/home/me/{word[2:]}" if word.startswith("~/") else word for word in words)
    wanted = ["".join(words), *at_home]
    assert shown.stdout.decode(errors="surrogateescape").split("\0")[:-1] == wanted
