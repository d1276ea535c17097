"""A backup is made while the stack runs, and brought up on another Mac."""

import runpy
import shlex
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.faults import Faults
from stack.release.archive import open_archive
from stack.release.seal import read_key
from tests.stories.client import in_its_network
from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project, Run
from tests.stories.running_lab import Lab
from tests.stories.test_rollback import HEALTH

pytestmark = pytest.mark.lab
TOKEN = "~/.drydock/harbour/secrets/tide_token"
VERIFIED = "4/4 containers healthy"
# Rows of a table of TimescaleDB's own kind, which a plain dump would not bring back.
ROWS = (
    "CREATE TABLE boats (seen timestamptz NOT NULL, number int)",
    "SELECT create_hypertable('boats', 'seen')",
    "INSERT INTO boats SELECT now() - number * interval '1 h', number"
    " FROM generate_series(1, 1000) AS number",
)
# By its password, as everybody but the owner of the data directory has to.
LOGIN = (
    "PGPASSWORD=$(cat /run/secrets/postgres_password)"
    " exec psql -qX -h 127.0.0.1 -U nautilus -d nautilus -At"
)
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


def with_nautilus_stores(project: Project) -> None:
    """Add Nautilus' own PostgreSQL and Redis to the small stack, with what is rendered for them."""
    nautilus = runpy.run_path(str(ROOT / "group_data/all.py"))["stack"]
    for name, base in (("postgres", "timescaledb"), ("redis", "redis")):
        for path in (f"templates/{name}", f"templates/images/{name}.Dockerfile.j2"):
            copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copyfile
            copy(ROOT / path, project.folder / path)
        # Smaller, and without the roles of services that aren't there.
        smaller = {"cpus": 0.3, "memory": "256 MiB", "working_set": "128 MiB", "rotate": {}}
        service = {**nautilus["services"][name], **smaller}
        with (project.folder / "group_data/all.py").open("a") as data:
            data.write(f"\nstack['services'][{name!r}] = {service!r}\n")
            data.write(f"\nstack['bases'][{base!r}] = {nautilus['bases'][base]!r}\n")


def sql(mac: Mac, *statements: str) -> str:
    """What PostgreSQL answers to one who logs in with the password."""
    words = shlex.join(word for each in statements for word in ("-c", each))
    return mac.docker("exec", "harbour-postgres", "sh", "-c", f"{LOGIN} {words}")


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
    with_nautilus_stores(project)
    project.keep_services("store", "tide", "postgres", "redis")
    full, empty = (Mac(odd_lab.settings, odd_lab.hosts[name]) for name in ("mac1", "mac2"))
    for mac in (full, empty):
        mac.remove_stack("harbour")
    former = {"tide": {"environment": {"GREETING": "low water"}}}
    project.deploy(hosts=full.name, overrides={**KEEPS, **former})
    project.deploy(hosts=full.name, overrides=KEEPS)
    yield Macs(project, full, empty)
    for mac in (full, empty):
        mac.remove_stack("harbour")


@pytest.fixture(scope="module")
def kept(macs: Macs, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A backup with a thousand entries and as many rows."""
    folder, token = tmp_path_factory.mktemp("backups"), macs.full.sh(f"cat {TOKEN}")
    fill = "for n in $(seq 1000); do echo SET boat:$n sails-$n; done | redis-cli >/dev/null"
    macs.full.docker("exec", "harbour-store", "sh", "-c", fill)
    sql(macs.full, *ROWS)
    before, key = macs.full.identities("harbour"), folder / "key"
    key.write_text(f"{'k' * 42}8=\n")
    key.chmod(0o600)
    said = {"key_file": str(key), "to": str(folder)}
    run = macs.run("backup.py", "-vvv", "--debug", on=macs.full, **said)
    assert run.status == 0, run.text
    assert "store: data, consistent in itself: saved while all runs" in run.text
    assert "store: read back by sh" in run.text
    assert all(f"{name}: read back by backup" in run.text for name in ("postgres", "redis"))
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
    assert "data/redis isn't what was saved" in run.words
    assert "Traceback" not in run.text
    assert macs.empty.evidence() == evidence


def test_a_backup_is_brought_up_on_another_mac(macs: Macs, kept: Kept):
    mac = macs.empty
    run = macs.run("restore.py", "-vvv", "--debug", on=mac, **kept.said)
    assert run.status == 0, run.text
    secrets = mac.sh("for it in ~/.drydock/harbour/secrets/*; do cat $it; echo; done").splitlines()
    assert not any(secret in run.text for secret in secrets)
    assert VERIFIED in run.text
    assert mac.docker("exec", "harbour-store", "redis-cli", "DBSIZE") == "1000"
    assert mac.docker("exec", "harbour-store", "redis-cli", "GET", "boat:777") == "sails-777"
    assert sql(mac, "SELECT count(*), sum(number) FROM boats") == "1000|500500"
    hypertables = "SELECT hypertable_name FROM timescaledb_information.hypertables"
    assert sql(mac, hypertables) == "boats"
    assert mac.sh(f"cat {TOKEN}") == kept.token
    assert "no changes" in macs.project.deploy(hosts=mac.name, overrides=KEEPS).text
    assert mac.tries("ls -d ~/.drydock/harbour/incoming*").returncode != 0


def test_data_goes_by_consent_alone_and_an_earlier_release_may_take_its_place(
    macs: Macs, kept: Kept
):
    mac = macs.full
    evidence = mac.evidence()
    refused = macs.run("restore.py", on=mac, **kept.said)
    assert refused.status != 0
    assert (
        "has harbour already (volumes harbour-postgres-data, harbour-redis-data, harbour-store-data"
        in refused.words
    )
    assert mac.evidence() == evidence

    mac.docker("exec", "harbour-store", "redis-cli", "FLUSHALL")
    sql(mac, "DELETE FROM boats WHERE number > 500")
    assert "high water" in mac.sh(HEALTH)
    (earlier,) = open_archive(str(kept.archive), read_key(str(kept.key))).manifest.earlier
    said = {**kept.said, "replace_data": True, "release": earlier}
    consented = macs.run("restore.py", on=mac, **said)
    assert consented.status == 0, consented.text
    assert "low water" in mac.sh(HEALTH)
    assert mac.docker("exec", "harbour-store", "redis-cli", "DBSIZE") == "1000"
    assert sql(mac, "SELECT count(*) FROM boats") == "1000"


def test_what_was_acknowledged_outlives_whatever_is_killed(
    macs: Macs, odd_lab: Lab, tmp_path: Path
):
    """Both stores themselves, the one who deploys, and the daemon."""
    mac, project = macs.full, macs.project
    stores = {name: {"environment": {"COLOUR": "blue"}} for name in ("postgres", "redis")}
    said: dict[str, object] = {"overrides": {**KEEPS, **stores}}
    with in_its_network("rows.py", project, mac, odd_lab, tmp_path) as client:
        mac.docker("kill", "harbour-postgres", "harbour-redis")
        deploy = project.start("deploy.py", "-y", hosts=mac.name, **said)
        assert deploy.stdout is not None
        assert any(" healthy in " in line for line in deploy.stdout)
        deploy.kill()
        deploy.communicate()
        Faults(odd_lab.settings, mac.state).restart_daemon(signal.SIGKILL)
        run = project.deploy(hosts=mac.name, **said)
    assert VERIFIED in run.text
    for store in ("postgres", "redis"):
        assert client.found[store]["acknowledged"] > 50, store
        assert client.found[store]["missing"] == 0, store
