"""Several Macs of one chip: waves, and an image that one of them builds."""

import json
import re
import subprocess
import sys
from pathlib import Path
from secrets import token_hex

import pytest

from tests.stories.mac import Mac
from tests.stories.project import ROOT, TIMEOUT_S, Project, login, write_inventory
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
NAMES = ("mac7", "mac8", "mac9")
SERVICE = "images-registry"
IMAGE = "harbour-store:m1"
REGISTRY_PORT = 5050
# The registry's access log: "GET /v2/harbour-store/blobs/sha256:… HTTP/1.1" 200 2289213 …
BLOB = re.compile(r'"GET /v2/\S+/blobs/\S+ HTTP/1.1" 200 (\d+)')
TAKEN = re.compile(r"\[(mac.)\] 1/1 images from (\S+) 1 of 1 taken, (?:([0-9.]+) MB moved, )?")
# Redis with a cargo of a few megabytes: what an archive has beside its layers is some kilobytes.
STACK = """
stack["bases"] = {"redis": "redis:8.0"}
_store = {key: value for key, value in stack["services"]["store"].items() if key != "image"}
_build = {"dockerfile": "store", "bases": ("redis",), "context": ("src/cargo",)}
stack["services"] = {"store": {**_store, "build": _build}}
"""
DOCKERFILE = """FROM {{ bases.redis }}
COPY src/cargo /srv/cargo
"""


@pytest.fixture
def macs(odd_lab: Lab) -> dict[str, Mac]:
    """Three Macs of one chip, which have no image yet."""
    macs = {name: Mac(odd_lab.settings, odd_lab.hosts[name]) for name in NAMES}
    assert [macs[name].docker("images", "--quiet") for name in NAMES] == ["", "", ""]
    return macs


def load(project: Project, cargo: str) -> None:
    """Give the image another content."""
    (project.folder / "src/cargo").write_text(cargo + token_hex(2_000_000))


def rollout(project: Project, inventory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "rollout.py"), str(inventory), *words],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=project.folder,
        timeout=TIMEOUT_S,
    )


def taken(done: "subprocess.CompletedProcess[str]") -> dict[str, tuple[str, float]]:
    """Host → where it took the image from, and the bytes that were moved if they were told."""
    found = TAKEN.findall(done.stdout)
    return {host: (source, float(size or 0) * 1e6) for host, source, size in found}


def image_ids(mac: Mac) -> set[str]:
    """Ids of the image, former ones too: each build makes another, for it is dated."""
    return set(mac.docker("images", "--no-trunc", "--quiet", "harbour-store").split())


def store_on(mac: Mac) -> dict[str, object]:
    """What the store's container is made of."""
    return dict(mac.containers("harbour")["harbour-store"]["Config"])


def built_bytes(mac: Mac) -> int:
    """Size of the layers that the image has beside its base's, in its archive."""
    found = json.loads(mac.docker("image", "inspect", IMAGE, "redis:8.0"))
    image, base = ({*each["RootFS"]["Layers"]} for each in found)
    save = f"DOCKER_HOST=unix://{mac.state.socket} {mac.state.cli} save {IMAGE} | tar -tvf -"
    lines = [line.split() for line in mac.sh(save).splitlines()]
    sizes = {words[5].rpartition("/")[2]: int(words[2]) for words in lines}
    return sum(sizes[layer.removeprefix("sha256:")] for layer in image - base)


def registry_on(lab: Lab, name: str, inventory: Path) -> str:
    """Deploy the registry that ships with Drydock to a Mac; its address."""
    write_inventory(inventory, {"m1": [login(lab.hosts[name], bind_address="0.0.0.0")]})
    registry = Project(ROOT / "registry", inventory, lab.environment)
    said = registry.deploy(hosts=name)
    assert "1/1 containers healthy" in said.words
    again = registry.deploy(hosts=name)
    assert "no changes" in again.words
    return f"{lab.hosts[name].address}:{REGISTRY_PORT}"


def builds(project: Project, host: str) -> list[str]:
    """What the last run built on a host, as it was timed there."""
    report = json.loads((project.folder / f"reports/{host}/report.json").read_text())
    spans = report["timeline"]["spans"] if report["timeline_is_now"] else []
    return [span["name"] for span in spans if span["kind"] == "build"]


def test_macs_of_one_chip_get_in_waves_what_one_of_them_built(
    harbour: Project, odd_lab: Lab, macs: dict[str, Mac], tmp_path: Path
):
    with (harbour.folder / "group_data/all.py").open("a") as data:
        data.write(STACK)
    (harbour.folder / "templates/images/store.Dockerfile.j2").write_text(DOCKERFILE)
    load(harbour, "tea")
    logins = {name: login(odd_lab.hosts[name], build_once=True) for name in NAMES}
    inventory = write_inventory(tmp_path / "macs.py", {"m1": list(logins.values())})
    done = rollout(harbour, inventory, "--waves", "100%")

    assert done.returncode == 0, done.stdout
    assert "3 of 3 hosts run what was rolled out, verified" in done.stdout
    assert [builds(harbour, name) for name in NAMES] == [["store"], [], []]
    former = {name: image_ids(macs[name]) for name in NAMES}
    assert len(set.union(*former.values())) == 1
    moved, missing = taken(done), built_bytes(macs["mac7"])
    assert {host: source for host, (source, _) in moved.items()} == {"mac8": "mac7", "mac9": "mac7"}
    assert all(0 < size <= 1.1 * missing for _, size in moved.values()), (moved, missing)

    registry = registry_on(odd_lab, "mac7", tmp_path / "registry.py")

    # The next one fails on mac9. Within its wave mac8 builds; mac9 gets it through the registry.
    load(harbour, "salt")
    bad = {"store": {"command": ["sh", "-c", "exit 1"]}}
    logins["mac9"] = login(odd_lab.hosts["mac9"], build_once=True, overrides=bad)
    write_inventory(inventory, {"m1": list(logins.values())})
    words = ("--canary", "mac8,mac9", "--waves", "1", "--data", f"image_registry={registry}")
    done = rollout(harbour, inventory, *words)

    assert done.returncode == 1, done.stdout
    table = done.stdout.partition("what became of each host")[2]
    assert re.search(r"mac8 .* rolled back with its wave: 1/1 containers healthy", table), table
    assert re.search(r"mac9 .* failed: the operation 'Start services' failed; now 1/1 ", table)
    assert re.search(r"wave 1 +mac7 +not begun", table), table
    assert {host: source for host, (source, _) in taken(done).items()} == {"mac9": registry}
    moved_bytes = [int(size) for size in BLOB.findall(macs["mac7"].docker("logs", SERVICE))]
    assert 0 < sum(moved_bytes) <= 1.1 * missing, (moved_bytes, missing)

    # A run that is given up as soon as one has failed: the other, in its middle, goes back itself.
    blue = {"store": {"environment": {"COLOUR": "blue"}}}
    logins["mac8"] = login(odd_lab.hosts["mac8"], build_once=True, overrides=blue)
    write_inventory(inventory, {"m1": list(logins.values())})
    former = store_on(macs["mac8"])
    done = rollout(harbour, inventory, *words, "--fail-percent", "0")

    assert done.returncode == 1, done.stdout
    table = done.stdout.partition("what became of each host")[2]
    assert re.search(r"mac9 .* failed: the operation 'Start services' failed; now 1/1", table), (
        table
    )
    assert re.search(r"mac8 .* now 1/1 containers healthy", table), table
    now = store_on(macs["mac8"])
    assert now["Env"] == former["Env"]
    # It was another container's name for a while.
    assert now["Hostname"] != former["Hostname"]
