"""A backup is read to its end, and what isn't as it was made is refused."""

import base64
import io
import os
import tarfile
from pathlib import Path

import pytest

from stack.errors import DrydockError
from stack.model import Chip, CoreLevel, Daemon
from stack.planner.map import plan
from stack.release.archive import DATA, MANIFEST, SEALED, Manifest, open_archive, seal_secrets
from stack.release.digest import of_bytes
from stack.release.moved import left_out, moved
from stack.release.render import render_release
from stack.release.seal import read_key, seal, unseal
from tests.demo import GIB, SECRETS, UPSTREAM, demo_inputs, demo_release

KEY = base64.urlsafe_b64encode(b"k" * 32)
CONTENT = {"release/release.json": b"{}", f"{DATA}/store": b"REDIS" * 1000}
VALUES = {"store_password": "hush"}


def manifest_of(content, **said):
    fields = {
        "stack": "demo", "release": "0123456789ab", "architecture": "aarch64",
        "made_at": "then", "who": "anna", "services": ("store",),
        "files": {path: of_bytes(it) for path, it in content.items()},
    }  # fmt: skip
    return Manifest(**{**fields, **said})


def written(path, content=CONTENT, *, manifest=None, sealed=None, leave_out=()):
    manifest = manifest or manifest_of(content)
    sealed = sealed or seal_secrets(KEY, VALUES, manifest)
    members = {MANIFEST: manifest.written(), SEALED: sealed, **content}
    with tarfile.open(path, "w") as archive:
        for name, it in members.items():
            if name not in leave_out:
                entry = tarfile.TarInfo(name)
                entry.size = len(it)
                archive.addfile(entry, io.BytesIO(it))
    return str(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "backup.tar"


def test_a_whole_backup_is_read(path):
    archive = open_archive(written(path), KEY)
    assert archive.secrets == VALUES
    assert archive.releases == {"0123456789ab": {"release.json": b"{}"}}
    assert archive.sizes_bytes == {"store": 5000}


def test_no_secret_can_be_read_without_the_key(path):
    assert b"hush" not in Path(written(path)).read_bytes()
    with pytest.raises(DrydockError, match="the key in key_file is another one"):
        open_archive(str(path), base64.urlsafe_b64encode(b"x" * 32))


@pytest.mark.parametrize("name", [MANIFEST, SEALED, *CONTENT])
@pytest.mark.parametrize("part", ["offset", "offset_data"])
def test_a_changed_byte_anywhere_is_found(path, name, part):
    written(path)
    with tarfile.open(path) as archive:
        member = archive.getmember(name)
    content = bytearray(path.read_bytes())
    content[getattr(member, part) + 1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DrydockError, match=r"is damaged|no whole|is another one"):
        open_archive(str(path), KEY)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda it: written(it, leave_out=[MANIFEST]), "manifest.json is missing"),
        (lambda it: written(it, leave_out=[SEALED]), "secrets.sealed is missing"),
        (lambda it: written(it, leave_out=[f"{DATA}/store"]), "data/store is missing"),
        (
            lambda it: written(it, {**CONTENT, "release/x": b""}, manifest=manifest_of(CONTENT)),
            "release/x isn't what was saved",
        ),
        (
            lambda it: written(it, sealed=seal_secrets(KEY, VALUES, manifest_of({}))),
            "isn't the one that its secrets were encrypted with",
        ),
        (lambda it: written(it, manifest=manifest_of(CONTENT, format=2)), "has format 2"),
        (lambda it: str(it.write_bytes(b"no tar")) and str(it), "no whole tar archive"),
        (
            lambda it: os.truncate(written(it), it.stat().st_size // 2) or str(it),
            "no whole tar archive",
        ),
    ],
)
def test_a_backup_that_is_not_as_it_was_made_is_refused(path, damage, said):
    with pytest.raises(DrydockError, match=said):
        open_archive(damage(path), KEY)


def test_a_backup_that_is_not_there_is_named(path):
    with pytest.raises(DrydockError, match="no such file on this machine"):
        open_archive(str(path), KEY)


def test_a_key_is_read_as_openssl_writes_it(tmp_path):
    file = tmp_path / "key"
    raw = bytes(range(224, 256))
    file.write_bytes(base64.b64encode(raw) + b"\n")
    file.chmod(0o600)
    key = read_key(str(file))
    assert unseal(key, seal(key, b"hush")) == b"hush"
    assert unseal(KEY, seal(key, b"hush")) is None
    file.chmod(0o640)
    with pytest.raises(DrydockError, match="can be read by others: chmod 600"):
        read_key(str(file))


@pytest.mark.parametrize("content", [b"", b"short", b"A" * 43 + b"!", b"A" * 88])
def test_what_is_no_key_is_refused_with_a_way_to_make_one(tmp_path, content):
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(DrydockError, match=r"no key of 32 bytes.*openssl rand -base64 32"):
        read_key(str(file))


@pytest.mark.parametrize("said", [None, "nowhere/key"])
def test_without_a_key_nothing_is_saved(said):
    with pytest.raises(DrydockError, match="openssl rand -base64 32"):
        read_key(said)


CHIP = Chip(name="Apple M1", tag="m1", levels=(CoreLevel(name="P", cores=4),), memory_bytes=8 * GIB)


def archived(path, release, *earlier):
    files = {f"release/{name}": it for name, it in release.files.items()}
    for it in earlier:
        files |= {f"earlier/{it.id}/{name}": content for name, content in it.files.items()}
    content = {**files, f"{DATA}/store": b""}
    manifest = manifest_of(content, release=release.id, earlier=tuple(it.id for it in earlier))
    return open_archive(written(path, content, manifest=manifest), KEY)


def test_a_release_fits_the_host_it_comes_to_and_builds_the_same_images(path, demo_project):
    release = demo_release(demo_project, {"risk": {"cpus": 2}})
    archive = archived(path, release)
    daemon = Daemon(cpus=4, memory_bytes=8 * GIB)
    directory = "/Users/bea/.drydock/demo/secrets"
    found = moved(archive, CHIP, daemon, demo_inputs().settings, directory)
    digests = {name: it.digest for name, it in release.images.items()}
    assert {name: it.digest for name, it in found.images.items()} == digests
    assert {it.tag for it in found.images.values()} == {"m1"}
    assert list(found.images) == list(release.images), "a base comes before what is built on it"
    contexts = {name for name in release.files if name.startswith("images/")}
    assert {name for name in found.files if name.startswith("images/")} == contexts
    compose = found.files["docker-compose.m1.yml"].decode()
    assert directory in compose
    assert SECRETS not in compose


def test_an_earlier_release_can_be_chosen(path, demo_project):
    former = demo_release(demo_project, {"store": {"memory": "900 MiB"}})
    archive = archived(path, demo_release(demo_project), former)
    daemon, settings = Daemon(cpus=4, memory_bytes=8 * GIB), demo_inputs().settings

    def memory(release):
        chosen = settings.model_copy(update={"release": release})
        return moved(archive, CHIP, daemon, chosen, "/s").map.services["store"].memory_bytes

    assert memory(None) == GIB
    assert memory(former.id[:6]) == 900 * 2**20
    with pytest.raises(DrydockError, match=f"no releases in .* are called so; in it .*{former.id}"):
        memory("nowhere")


def test_another_architecture_is_refused(path, demo_project):
    daemon = Daemon(cpus=4, memory_bytes=8 * GIB, architecture="x86_64")
    with pytest.raises(DrydockError, match="made on aarch64, this host's daemon is x86_64"):
        moved(
            archived(path, demo_release(demo_project)), CHIP, daemon, demo_inputs().settings, "/s"
        )


def test_another_versions_release_is_refused(path):
    daemon = Daemon(cpus=4, memory_bytes=8 * GIB)
    archive = open_archive(written(path), KEY)
    with pytest.raises(DrydockError, match="another version of Drydock"):
        moved(archive, CHIP, daemon, demo_inputs().settings, "/s")


def test_data_that_a_release_does_not_keep_is_named(path, demo_project):
    archive = archived(path, demo_release(demo_project))
    says = {"backup": {"save": ["s"], "check": ["c"], "load": ["l"]}}
    release = demo_release(demo_project, {"risk": says})
    assert list(left_out(release, archive)) == [
        "data of store is not brought back: this release doesn't say how",
        "risk starts without data: the backup has none of it",
    ]
    assert list(left_out(demo_release(demo_project, {"store": says}), archive)) == []


def test_on_a_host_alike_it_is_the_very_same_release(path, demo_project):
    inputs = demo_inputs()
    chip, daemon = CHIP, Daemon(cpus=4, memory_bytes=8 * GIB)
    release = render_release(
        stack=inputs.stack,
        core_map=plan(inputs, chip, daemon),
        tag=chip.tag,
        architecture=daemon.architecture,
        settings=inputs.settings,
        upstream_digests=UPSTREAM,
        secrets_directory=SECRETS,
        project=demo_project,
    )
    found = moved(archived(path, release), chip, daemon, inputs.settings, SECRETS)
    assert found.files == release.files
