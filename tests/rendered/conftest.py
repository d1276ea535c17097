"""The platform that ships with Drydock, rendered as a host would get it."""

import json
from pathlib import Path

import pytest

from stack.__main__ import load_groups
from stack.chips import linux_chip, parse_sysctl
from stack.model import Daemon
from stack.planner.map import plan
from stack.release.images import upstream_references
from stack.release.render import Release, render_release

ROOT = Path(__file__).parents[2]
GIB = 2**30
HOSTS = ("m4max", "m1", "linux-x86-64")


def chip_of(tag):
    if tag == "linux-x86-64":
        return linux_chip("AMD EPYC", "x86_64", 2, 24 * GIB)
    return parse_sysctl((ROOT / "lab" / "macs" / f"{tag}.txt").read_text())


@pytest.fixture(scope="session", params=HOSTS)
def release(request) -> Release:
    """A release for a chip, on a daemon with half of its memory, if that holds the stack."""
    return release_for(request.param)


def release_for(
    tag: str, data: Path | None = None, project: Path = ROOT, *, monitored: bool = True
) -> Release:
    """The same, with host data of a JSON file; of another project; or without a monitor."""
    chip = chip_of(tag)
    inputs = load_groups(project / "group_data", chip.tag, data)
    cpus = sum(level.cores for level in chip.levels)
    architecture = "x86_64" if tag.startswith("linux") else "aarch64"
    memory_bytes = max(chip.memory_bytes // 2, 6 * GIB)
    daemon = Daemon(cpus=cpus, memory_bytes=memory_bytes, architecture=architecture)
    return render_release(
        stack=inputs.stack,
        core_map=plan(inputs, chip, daemon),
        tag=chip.tag,
        architecture=architecture,
        settings=inputs.settings,
        upstream_digests=dict.fromkeys(upstream_references(inputs.stack), f"sha256:{'0' * 64}"),
        secrets_directory="/Users/me/.drydock/nautilus/secrets",
        project=project,
        monitored=monitored,
    )


@pytest.fixture(scope="session", params=["with Alertmanager", "the registry"])
def other(request, tmp_path_factory) -> tuple[Release, Path]:
    """What else is rendered, and its folder: Nautilus with an address for alerts, registry/."""
    folder = tmp_path_factory.mktemp("other")
    if request.param == "the registry":
        found = release_for("m1", project=ROOT / "registry")
    else:
        data = folder / "data.json"
        data.write_text(json.dumps({"alert_webhook": "https://hooks.example/token"}))
        found = release_for("m4max", data)
        assert "alertmanager" in found.containers
    return found, write_files(found, folder / "release")


@pytest.fixture(scope="session")
def written(release, tmp_path_factory):
    """The folder of a release's files."""
    return write_files(release, tmp_path_factory.mktemp(release.tag))


def write_files(release: Release, folder: Path) -> Path:
    for path, content in release.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
