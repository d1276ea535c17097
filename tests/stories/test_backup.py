"""A backup is made while the stack runs, and brought up on another Mac."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project, Run
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
TOKEN = "~/.drydock/harbour/secrets/tide_token"
VERIFIED = "2/2 containers healthy"
KEEPS = {
    "store": {
        "command": ["redis-server", "--dir", "/data", "--appendonly", "yes"],
        "backup": {
            "save": ["sh", "-c", "redis-cli --rdb /data/s >&2 && cat /data/s && rm /data/s"],
            "check": ["sh", "-c", "cat | redis-check-rdb /dev/stdin"],
            "load": ["sh", "-c", "cat >/data/appendonly.aof"],
        },
    }
}


@dataclass(frozen=True)
class Kept:
    """A backup of the small stack on this machine, and its key."""

    archive: Path
    key: Path
    token: str

    @property
    def said(self) -> dict[str, object]:
        return {"archive": str(self.archive), "key_file": str(self.key)}


@dataclass(frozen=True)
class Macs:
    """The small stack's project, a Mac that runs it, and another chip's Mac that has nothing."""

    project: Project
    full: Mac
    empty: Mac

    def run(self, program: str, *options: str, on: Mac, **data: object) -> Run:
        return self.project.run(program, "-y", *options, hosts=on.name, **data)


@pytest.fixture(scope="module")
def macs(odd_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Macs]:
    folder = tmp_path_factory.mktemp("project") / "harbour"
    shutil.copytree(Path(__file__).parent / "small", folder)
    project = Project(folder, ROOT / "lab/inventory.py", odd_lab.environment)
    project.keep_services("store", "tide")
    full, empty = (Mac(odd_lab.settings, odd_lab.hosts[name]) for name in ("mac1", "mac2"))
    for mac in (full, empty):
        mac.remove_stack("harbour")
    project.deploy(hosts=full.name, overrides=KEEPS)
    yield Macs(project, full, empty)
    for mac in (full, empty):
        mac.remove_stack("harbour")


@pytest.fixture(scope="module")
def kept(macs: Macs, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A backup with a thousand entries."""
    folder, token = tmp_path_factory.mktemp("backups"), macs.full.sh(f"cat {TOKEN}")
    fill = "for n in $(seq 1000); do echo SET boat:$n sails-$n; done | redis-cli >/dev/null"
    macs.full.docker("exec", "harbour-store", "sh", "-c", fill)
    before, key = macs.full.identities("harbour"), folder / "key"
    key.write_text(f"{'k' * 42}8=\n")
    key.chmod(0o600)
    said = {"key_file": str(key), "to": str(folder)}
    run = macs.run("backup.py", "-vvv", "--debug", on=macs.full, **said)
    assert run.status == 0, run.text
    assert "store: data, consistent in itself: saved while all runs" in run.text
    assert "store: read back by sh" in run.text
    assert token not in run.text
    assert macs.full.identities("harbour") == before
    (archive,) = folder.glob("harbour-*.tar")
    return Kept(archive, key, token)


def test_when_it_was_made_is_known_on_its_mac(macs: Macs, kept: Kept):
    age_s = macs.full.sh("echo $(($(date +%s) - $(cat ~/.drydock/harbour/backed_up)))")
    assert kept.archive.exists()
    assert 0 <= int(age_s) < 600


def test_a_damaged_backup_is_refused_before_any_change(macs: Macs, kept: Kept, tmp_path: Path):
    damaged = tmp_path / "damaged.tar"
    content = bytearray(kept.archive.read_bytes())
    content[content.index(b"REDIS0") + 100] ^= 1
    damaged.write_bytes(content)
    evidence = macs.empty.evidence()
    run = macs.run("restore.py", on=macs.empty, **{**kept.said, "archive": str(damaged)})
    assert run.status != 0
    assert "data/store isn't what was saved" in run.words
    assert "Traceback" not in run.text
    assert macs.empty.evidence() == evidence


def test_a_backup_is_brought_up_on_another_mac(macs: Macs, kept: Kept):
    mac = macs.empty
    run = macs.run("restore.py", on=mac, **kept.said)
    assert run.status == 0, run.text
    assert VERIFIED in run.text
    assert mac.docker("exec", "harbour-store", "redis-cli", "DBSIZE") == "1000"
    assert mac.docker("exec", "harbour-store", "redis-cli", "GET", "boat:777") == "sails-777"
    assert mac.sh(f"cat {TOKEN}") == kept.token
    assert "no changes" in macs.project.deploy(hosts=mac.name, overrides=KEEPS).text
    assert mac.tries("ls -d ~/.drydock/harbour/incoming*").returncode != 0


def test_data_that_is_there_goes_by_consent_alone(macs: Macs, kept: Kept):
    mac = macs.full
    evidence = mac.evidence()
    refused = macs.run("restore.py", on=mac, **kept.said)
    assert refused.status != 0
    assert "has harbour already (volumes harbour-store-data; containers" in refused.words
    assert mac.evidence() == evidence

    mac.docker("exec", "harbour-store", "redis-cli", "FLUSHALL")
    consented = macs.run("restore.py", on=mac, replace_data=True, **kept.said)
    assert consented.status == 0, consented.text
    assert mac.docker("exec", "harbour-store", "redis-cli", "DBSIZE") == "1000"
