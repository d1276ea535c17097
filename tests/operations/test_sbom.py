"""A bill of materials is written whole or not at all."""

import json
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import pytest

from operations import sbom
from stack.changes.change import CurrentRelease
from stack.release.sbom import LOCK
from tests.demo import demo_host, demo_release

SAID = ["os debian", "deb", "Package: curl", "Version: 8.14", ""]


class Host:
    """A host whose containers answer as told; what is placed on it is kept."""

    def __init__(self, works=True, files=()):
        self.works, self.files, self.placed, self.logged, self.read = works, dict(files), {}, [], []

    def get_fact(self, _fact, paths):
        self.paths = paths
        return {path: self.files[path] for path in paths if path in self.files}

    def run_shell_command(self, command, **_):
        self.read.append(command.get_raw_value())
        said = SAID if self.works else ["cannot exec in a stopped container"]
        return self.works, SimpleNamespace(stdout_lines=said, output_lines=said)

    def log(self, *words, **_):
        self.logged.append(" ".join(map(str, words)))


@pytest.fixture
def record(demo_project, monkeypatch):
    def place(host, path, content):
        host.placed[path] = content

    monkeypatch.setattr(sbom, "place", place)
    monkeypatch.setattr(sbom, "refused", lambda host, text: bool(host.logged.append(text)))

    def run(host, release=None):
        plan = SimpleNamespace(
            release=release or demo_release(demo_project), detected=demo_host(),
            current=CurrentRelease(id="former"),
        )  # fmt: skip
        return sbom._record(host, plan)

    return run


def test_a_container_that_cannot_be_read_is_no_image_without_packages(record):
    host = Host(works=False)
    assert record(host) is False
    assert host.placed == {}
    assert "the packages of risk can't be read" in "".join(host.logged)
    assert "cannot exec in a stopped container" in "".join(host.logged)


@pytest.mark.parametrize(("status", "failed"), [(0, 0), (126, 0), (127, 0), (1, 1), (137, 1)])
def test_only_an_image_without_a_shell_has_no_packages(status, failed):
    said = f"sh -c 'exit {status}' {sbom.NO_SHELL}"
    assert subprocess.run(["sh", "-c", said], check=False).returncode == failed


def test_a_bill_that_is_there_stays_and_half_a_one_is_written_anew(record):
    first = Host()
    assert record(first) is True
    ((path, bill),) = first.placed.items()
    whole = Host(files={path: bill.decode()})
    assert record(whole) is True
    assert (whole.placed, whole.read) == ({}, [])
    half = Host(files={path: bill.decode()[:200]})
    assert record(half) is True
    assert list(half.placed) == [path]


def test_what_npm_has_locked_is_read_from_the_files_of_a_kept_release(record, demo_project):
    release = demo_release(demo_project)
    lock = f"images/page/page/{LOCK}"
    kept = replace(
        release, kept={lock: "digest"},
        images={name: replace(it, files={}) for name, it in release.images.items()},
    )  # fmt: skip
    path = f"{demo_host().directory}/releases/{kept.id}/{lock}"
    said = {"packages": {"node_modules/react": {"version": "19.0.0"}}}
    host = Host(files={path: json.dumps(said)})
    assert record(host, kept) is True
    (bill,) = host.placed.values()
    found = {it["bom-ref"]: it["components"] for it in json.loads(bill)["components"]}
    assert [it["purl"] for it in found["image-page"]][-1] == "pkg:npm/react@19.0.0"
