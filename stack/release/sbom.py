"""The bill of materials of a release: for each service's image the packages seen in it.

CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/; a package's URL is as its purl specification
says.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from stack.release.render import Release

KINDS = ("deb", "apk", "pypi")
LOCK = "package-lock.json"


@dataclass(frozen=True, order=True)
class Package:
    """One package: its kind by the purl specification (deb, apk, pypi, npm), name and version."""

    kind: str
    name: str
    version: str
    architecture: str = ""
    vendor: str = ""
    """The distribution that a deb or apk is of."""

    @property
    def url(self) -> str:
        """pkg:deb/debian/curl@8.14.1-2?arch=arm64"""
        vendor = f"{quote(self.vendor)}/" if self.vendor else ""
        name = quote(self.name, safe="/") if self.kind == "npm" else quote(self.name, safe="")
        arch = f"?arch={quote(self.architecture)}" if self.architecture else ""
        return f"pkg:{self.kind}/{vendor}{name}@{quote(self.version, safe='')}{arch}"

    def as_json(self) -> dict[str, str]:
        """As a component."""
        return {
            "type": "library", "name": self.name, "version": self.version, "purl": self.url
        }  # fmt: skip


def packages_of(lines: Iterable[str]) -> list[Package]:
    """Read what facts/packages.sh printed; what is removed but for its settings doesn't count."""
    found: set[Package] = set()
    vendor = kind = ""
    entry: dict[str, str] = {}
    for line in [*lines, ""]:
        if line.startswith("os "):
            vendor = line.removeprefix("os ")
        elif line in KINDS:
            kind = line
        elif line:
            key, _, value = line.partition(":")
            entry[key] = value.strip()
        elif entry:
            found |= set(_package(kind, vendor, entry))
            entry = {}
    return sorted(found)


def _package(kind: str, vendor: str, entry: Mapping[str, str]) -> Iterator[Package]:
    if kind == "pypi" and {"Name", "Version"} <= entry.keys():
        yield Package("pypi", entry["Name"].lower().replace("_", "-"), entry["Version"])
    elif kind == "apk" and {"P", "V"} <= entry.keys():
        yield Package("apk", entry["P"], entry["V"], entry.get("A", ""), vendor)
    # Distroless images have no status; elsewhere it tells what is installed.
    elif (
        kind == "deb"
        and {"Package", "Version"} <= entry.keys()
        and entry.get("Status", "ok installed").endswith(" installed")
    ):
        architecture = entry.get("Architecture", "")
        yield Package("deb", entry["Package"], entry["Version"], architecture, vendor)


def locked_packages(files: Mapping[str, bytes]) -> list[Package]:
    """What npm's lock files in a build context put into a page: bundled, so seen in no image."""
    found: set[Package] = set()
    for path, content in files.items():
        if path.rpartition("/")[2] != LOCK:
            continue
        for place, entry in json.loads(content).get("packages", {}).items():
            name = place.rpartition("node_modules/")[2]
            if name and not entry.get("dev") and "version" in entry:
                found.add(Package("npm", name, entry["version"]))
    return sorted(found)


def locks_of(release: Release) -> dict[str, str]:
    """Lock files of a release that a host keeps: path below its folder → the image's name."""
    names = {name: f"images/{name}/" for name in release.images}
    return {
        path: name
        for path in release.kept
        if path.endswith(f"/{LOCK}")
        for name, folder in names.items()
        if path.startswith(folder)
    }


def bill(
    release: Release,
    seen: Mapping[str, list[dict[str, str]]],
    made_at: str,
    locks: Mapping[str, Mapping[str, bytes]] = MappingProxyType({}),
) -> str:
    """The bill as JSON.

    + seen: image's digest → its components
    + made_at: as RFC 3339 says
    + locks: image → its lock files, of a release that has no more than their digests
    """
    serial = uuid5(NAMESPACE_URL, f"drydock:{release.stack.name}:{release.id}")
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": made_at,
            "component": {
                "type": "platform", "name": release.stack.name, "version": release.id,
                "bom-ref": "release",
            },
        },
        "components": [
            _service(release, name, seen, locks.get(name, {})) for name in release.containers
        ],
    }  # fmt: skip
    return json.dumps(content, separators=(",", ":"))


def _service(
    release: Release,
    name: str,
    seen: Mapping[str, list[dict[str, str]]],
    locks: Mapping[str, bytes],
) -> dict[str, Any]:
    image = release.images[name]
    lineage = [image, *(release.images[parent] for parent in image.parents)]
    upstream = {ref: it for each in lineage for ref, it in each.upstream.items()}
    return {
        "type": "container",
        "bom-ref": f"image-{name}",
        "name": image.repository,
        "version": image.digest,
        "properties": [
            {"name": f"dev.drydock.base:{reference}", "value": digest}
            for reference, digest in sorted(upstream.items())
        ],
        "components": [*seen.get(image.digest, ()), *_locked({**image.files, **locks})],
    }


def _locked(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    mark = [{"name": "dev.drydock.from", "value": LOCK}]
    return [{**package.as_json(), "properties": mark} for package in locked_packages(files)]


def seen_before(text: str) -> dict[str, list[dict[str, str]]]:
    """What a former bill says of images, by their digests; nothing if it is no bill."""
    try:
        components = json.loads(text)["components"]
        return {
            image["version"]: [it for it in image["components"] if "properties" not in it]
            for image in components
        }
    except (ValueError, KeyError, TypeError):
        return {}
