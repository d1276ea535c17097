"""The script that saves images on a host, in front of a Docker double that prints an archive."""

import io
import subprocess
import tarfile

import pytest
from pyinfra.connectors.local import LocalConnector

from link.output import output_of
from operations.transfer import NOTHING, SCRIPT

PARTS = {
    "manifest.json": b"[]",
    "blobs/sha256/aa": b"base" * 5000,
    "blobs/sha256/aab": b"another",
    "blobs/sha256/bb": b"top",
}


@pytest.fixture
def docker(tmp_path):
    """A command that prints an archive of the parts, and keeps what it was asked for."""
    with tarfile.open(tmp_path / "images.tar", "w") as archive:
        for name, content in PARTS.items():
            part = tarfile.TarInfo(name)
            part.size = len(content)
            archive.addfile(part, io.BytesIO(content))
    command = tmp_path / "docker"
    command.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\ncat {tmp_path}/images.tar\n')
    command.chmod(0o755)
    return command


def words(directory, docker, without):
    home = directory / "o'brien & co"
    home.mkdir()
    return ["sh", "-c", SCRIPT, "drydock-save", str(home), str(docker), without, "demo-risk:1"]


def parts(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {part.name.removeprefix("./"): part for part in archive if part.isfile()}
        return {name: archive.extractfile(part).read() for name, part in found.items()}


def test_layers_are_left_out_and_nothing_stays(tmp_path, docker):
    said = words(tmp_path, docker, "blobs/sha256/aa\nblobs/sha256/cc")
    data = b"".join(output_of(object.__new__(LocalConnector), said))
    assert parts(data) == {name: it for name, it in PARTS.items() if name != "blobs/sha256/aa"}
    assert (tmp_path / "asked").read_text() == "save demo-risk:1\n"
    assert list((tmp_path / "o'brien & co").iterdir()) == []


def test_a_whole_archive_where_nothing_is_there(tmp_path, docker):
    said = words(tmp_path, docker, NOTHING)
    assert parts(b"".join(output_of(object.__new__(LocalConnector), said))) == PARTS


def test_what_docker_refuses_is_no_archive_and_nothing_stays(tmp_path, docker):
    docker.write_text("#!/bin/sh\necho 'No such image' >&2\nexit 1\n")
    done = subprocess.run(
        words(tmp_path, docker, NOTHING), check=False, capture_output=True, text=True
    )
    assert (done.returncode != 0, done.stdout) == (True, "")
    assert "No such image" in done.stderr
    assert list((tmp_path / "o'brien & co").iterdir()) == []
