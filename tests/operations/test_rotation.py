"""A new value for a secret: commands run by a real shell, the Docker CLI played by a script."""

import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from operations import journal
from operations.secrets import _note, _rotate
from stack.changes.observed import Observed
from stack.changes.rotation import Rotation, changes_of, rotations_of
from stack.errors import DrydockError
from tests.demo import demo_host, demo_inputs

OLD = "o" * 40
DOCKER = """#!/bin/sh
# Plays `docker exec`: writes down what a judge is told, and shows a reader the file.
for word; do last=$word; done
case "$*" in
*"exec -i"*) IFS= read -r value; echo "$last $(cat "$SECRET") $value" >>"$TOLD"; exit "$STATUS" ;;
*" cat /run/secrets/"*) [ -e "$BLIND" ] && exit 1; cat "$SECRET" ;;
*) exit 1 ;;
esac
"""
ROTATION = Rotation("store_password", {"demo-store": ("change it",)}, ("demo-store", "demo-risk"))


class Shell:
    """A host whose commands a shell runs."""

    def __init__(self, folder):
        self.folder, self.said, self.status = folder, [], 0
        cli = folder / "docker"
        cli.write_text(DOCKER)
        cli.chmod(0o755)
        self.detected = demo_host(str(folder / "o'brien $(touch pwned)"), cli=str(cli))
        self.secret = Path(self.detected.secrets_directory) / "store_password"
        self.secret.parent.mkdir(parents=True)
        self.secret.write_text(OLD)
        self.secret.chmod(0o444)

    def run_shell_command(self, command, print_output):
        text = command.get_raw_value().replace("left=100", "left=2")
        self.said.append(text)
        environment = {
            "PATH": "/usr/bin:/bin",
            "SECRET": str(self.secret),
            "TOLD": str(self.folder / "told"),
            "BLIND": str(self.folder / "blind"),
            "STATUS": str(self.status),
        }
        done = subprocess.run(
            ["sh", "-c", text], check=False, cwd=self.folder, env=environment, capture_output=True
        )
        return done.returncode == 0, SimpleNamespace(output_lines=[done.stderr.decode()])

    def log(self, text):
        self.said.append(text)

    def log_styled(self, text, **_):
        self.said.append(text)

    @property
    def told(self):
        return [line.split() for line in (self.folder / "told").read_text().splitlines()]


@pytest.fixture
def host(tmp_path):
    return Shell(tmp_path)


@pytest.fixture
def ends(monkeypatch):
    """How the journal is told that a run ended."""
    told = []
    monkeypatch.setattr(journal, "end", lambda _host, *said: told.append(said) or True)
    return told


def test_the_journal_is_told_how_it_went(host, ends):
    assert _rotate(host, ROTATION, host.detected)
    assert ends == []
    assert _note(host)
    host.status = 1
    assert not _rotate(host, ROTATION, host.detected)
    assert ends == [("good",), ("failed", ("store_password: the new value wasn't accepted",))]


def test_the_new_value_is_let_in_written_seen_and_then_alone(host):
    inode = host.secret.stat().st_ino
    assert _rotate(host, ROTATION, host.detected)
    new = host.secret.read_text()
    assert new != OLD
    assert len(new) == 40
    assert host.told == [["accept", OLD, new], ["settle", new, new]]
    assert host.secret.stat().st_ino == inode, "a container's mount is tied to the file itself"
    assert host.secret.stat().st_mode & 0o777 == 0o444
    assert [path.name for path in host.secret.parent.iterdir()] == ["store_password"]
    assert new not in "".join(host.said)
    assert not list(host.folder.rglob("pwned"))


def test_a_judge_that_refuses_leaves_the_old_value(host):
    host.status = 1
    assert not _rotate(host, ROTATION, host.detected)
    assert host.secret.read_text() == OLD
    assert [it[0] for it in host.told] == ["accept"]


def test_the_old_value_holds_until_all_see_the_new_one_and_the_next_run_goes_on(host):
    (host.folder / "blind").touch()
    assert not _rotate(host, ROTATION, host.detected)
    new = host.secret.read_text()
    assert [it[0] for it in host.told] == ["accept"]
    (host.folder / "blind").unlink()
    assert _rotate(host, ROTATION, host.detected)
    assert host.secret.read_text() == new
    assert [it[0] for it in host.told] == ["accept", "accept", "settle"]
    assert "a rotation that had been broken off is ended" in host.said[-1]
    assert _rotate(host, ROTATION, host.detected)
    assert host.secret.read_text() != new
    assert host.said[-1] == "store_password: rotated; 2 containers have seen it"


def test_the_new_values_copy_goes_with_the_old_value(host):
    """In one command of the host: a connection that is cut between the two would leave it."""
    assert _rotate(host, ROTATION, host.detected)
    settled = [text for text in host.said if " settle " in text]
    assert len(settled) == 1
    assert "&& rm -f" in settled[0]


def test_a_longer_value_made_by_hand_is_left_alone(host):
    host.secret.chmod(0o644)
    host.secret.write_text("x" * 41)
    assert not _rotate(host, ROTATION, host.detected)
    assert host.secret.read_text() == "x" * 41


def test_a_planted_link_is_not_written_through(host, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("not ours")
    host.secret.unlink()
    host.secret.symlink_to(outside)
    assert not _rotate(host, ROTATION, host.detected)
    assert outside.read_text() == "not ours"


def stack_of(**store):
    return demo_inputs({"store": store}).stack


RUNNING = Observed(
    containers={name: SimpleNamespace(running=True) for name in ("demo-store", "demo-risk-engine")},
    images={},
    upstream_digests={},
    missing_upstream=(),
)


def test_whom_a_secret_concerns_follows_from_the_data():
    stack = stack_of(rotate={"store_password": ["change", "it"]})
    rotations = rotations_of(stack, RUNNING, ["store_password"])
    (rotation,) = rotations
    assert rotation.judges == {"demo-store": ("change", "it")}
    assert rotation.readers == ("demo-store", "demo-risk-engine")
    assert changes_of(rotations).all[0].sentence == (
        "store_password: value, by demo-store, read by demo-store, demo-risk-engine:"
        " changed while all runs"
    )


@pytest.mark.parametrize(
    ("rotate", "containers", "secrets", "said"),
    [
        ({"store_password": ["x"]}, RUNNING.containers, ["stor_password"], "did you mean"),
        ({}, RUNNING.containers, ["store_password"], "no service says in its 'rotate'"),
        ({"store_password": ["x"]}, {}, ["store_password"], "isn't running: deploy first"),
        ({"store_password": ["x"]}, RUNNING.containers, [], "--data secrets=store_password"),
    ],
)
def test_what_cannot_be_rotated_is_refused_before_anything_is(rotate, containers, secrets, said):
    observed = Observed(containers, {}, {}, ())
    with pytest.raises(DrydockError, match=said):
        rotations_of(stack_of(rotate=rotate), observed, secrets)


def test_a_service_judges_by_a_secret_that_only_others_read():
    stack = demo_inputs(
        {
            "store": {"secrets": [], "rotate": {"own_password": ["change", "risk"]}},
            "risk": {"secrets": ["own_password"]},
        }
    ).stack
    (rotation,) = rotations_of(stack, RUNNING, ["own_password"])
    assert rotation.judges == {"demo-store": ("change", "risk")}
    assert rotation.readers == ("demo-risk-engine",)
    away = replace(RUNNING, containers={"demo-risk-engine": SimpleNamespace(running=True)})
    with pytest.raises(DrydockError, match="while demo-store isn't running"):
        rotations_of(stack, away, ["own_password"])


def test_nobody_judges_by_a_secret_that_nobody_reads():
    with pytest.raises(DrydockError, match="rotate: 'other' is in no service's 'secrets'"):
        stack_of(rotate={"other": ["x"]})
