"""A backup is written by a real shell's commands, the Docker CLI played by a script."""

import base64
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from facts.backup_plan import BackupPlan
from operations import save
from operations.save import _backup, _fetch
from stack.errors import DrydockError
from stack.release.archive import open_archive
from tests.demo import demo_host, demo_release

KEY = base64.urlsafe_b64encode(b"k" * 32)
NAME = "demo-20260102T030405Z.tar"
DOCKER = """#!/bin/sh
# Plays `docker exec`: the service's own words are last.
for word; do last=$word; done
case $last in
save) [ -e "$BROKEN/save" ] && { echo "no such database" >&2; exit 1; }; cat "$BROKEN/data" ;;
check) cat >/dev/null; [ ! -e "$BROKEN/check" ] ;;
*) exit 2 ;;
esac
"""
BACKUP = {"backup": {"save": ["save"], "check": ["check"], "load": ["load"]}}


class Shell:
    """A host whose commands a shell runs, and whose files are here."""

    def __init__(self, folder, project):
        self.folder, self.said, self.name = folder, [], "mac1"
        cli = folder / "docker"
        cli.write_text(DOCKER)
        cli.chmod(0o755)
        self.detected = demo_host(str(folder / "o'brien $(touch pwned)"), cli=str(cli))
        self.release = demo_release(project, {"store": BACKUP})
        self.earlier = demo_release(project, {"store": {**BACKUP, "memory": "900 MiB"}})
        home = Path(self.detected.directory)
        for release in (self.release, self.earlier):
            for path, content in {**release.files, "manifest.json": b"{}"}.items():
                file = home / "releases" / release.id / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            (home / f"releases/{release.id}.json").write_text("{}")
        (home / "secrets").mkdir()
        (home / "secrets/store_password").write_text("hush")
        (folder / "data").write_bytes(b"REDIS" * 100_000)
        self.backups = home / "backups"

    def run_shell_command(self, command, print_output, print_input):
        environment = {"PATH": "/usr/bin:/bin", "BROKEN": str(self.folder)}
        done = subprocess.run(
            ["sh", "-c", command.get_raw_value()],
            check=False, cwd=self.folder, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        self.said += done.stderr.splitlines()
        return done.returncode == 0, SimpleNamespace(
            stdout_lines=done.stdout.splitlines(), output_lines=lines
        )

    def log(self, text):
        self.said.append(text)

    def log_styled(self, text, **_):
        self.said.append(text)

    @property
    def what(self):
        plan = SimpleNamespace(release=self.release, detected=self.detected)
        return BackupPlan(plan, NAME, KEY, (self.earlier,), ())


@pytest.fixture
def host(tmp_path, demo_project, monkeypatch):
    monkeypatch.setattr(save.files, "read", lambda _, path: Path(path).read_bytes())
    monkeypatch.setattr(save.files, "send", lambda _, it, path: Path(path).write_bytes(it.read()))
    monkeypatch.setattr(save.files, "fetch", lambda _, path, to: to.write(Path(path).read_bytes()))
    return Shell(tmp_path, demo_project)


def test_a_backup_holds_data_releases_and_secrets_for_its_owner_alone(host):
    assert _backup(host, host.what)
    (path,) = host.backups.iterdir()
    assert path.name == NAME
    assert path.stat().st_mode & 0o777 == 0o600
    archive = open_archive(str(path), KEY)
    assert archive.sizes_bytes == {"store": 500_000}
    assert archive.secrets == {"store_password": "hush"}
    assert list(archive.releases) == [host.release.id, host.earlier.id]
    for release in (host.release, host.earlier):
        assert archive.releases[release.id]["release.json"] == release.files["release.json"]
        assert archive.releases[release.id]["record.json"] == b"{}"
    assert b"hush" not in path.read_bytes()
    assert not any("hush" in line for line in host.said)
    assert not list(host.folder.rglob("pwned"))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("save", "store: its data can't be saved\nno such database"),
        ("check", "store: what was saved is not whole, as its own check says"),
    ],
)
def test_what_fails_is_no_backup_and_leaves_nothing(host, broken, said):
    (host.folder / broken).touch()
    assert not _backup(host, host.what)
    assert said in "\n".join(host.said)
    assert "no backup was made" in "\n".join(host.said)
    assert not list(host.backups.iterdir())


def test_what_a_run_that_was_cut_off_left_goes_and_backups_stay(host):
    assert _backup(host, host.what)
    (host.backups / "demo-1.tar.part/data").mkdir(parents=True)
    (host.backups / "demo-1.tar.new").touch()
    (host.backups / "demo-0.tar").touch()
    assert _backup(host, host.what)
    assert {it.name for it in host.backups.iterdir()} == {NAME, "demo-0.tar"}


def test_a_planted_link_is_not_written_through(host, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    host.backups.symlink_to(elsewhere)
    assert not _backup(host, host.what)
    assert not list(elsewhere.iterdir())


def test_a_fetched_backup_is_read_here_once_more(host, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    assert _backup(host, host.what)
    assert _fetch(host, host.what, str(folder))
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    open_archive(str(folder / NAME), KEY)

    (folder / NAME).unlink()
    content = bytearray((host.backups / NAME).read_bytes())
    content[content.index(b"REDIS" * 9)] ^= 1
    (host.backups / NAME).write_bytes(content)
    assert not _fetch(host, host.what, str(folder))
    assert not list(folder.iterdir())
    with pytest.raises(DrydockError):
        open_archive(str(host.backups / NAME), KEY)
