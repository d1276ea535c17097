import json
import subprocess
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from stack.release.sbom import Package, bill, locked_packages, packages_of, seen_before
from tests.demo import demo_release, write_project

SCRIPT = Path(__file__).parents[2] / "facts/packages.sh"
SAID = """os debian
deb
Package: curl
Status: install ok installed
Architecture: arm64
Version: 8.14.1-2+deb13u2

Package: gone
Status: deinstall ok config-files
Architecture: arm64
Version: 1.0

Package: distroless
Architecture: all
Version: 2:1.0~rc1

apk
P:busybox
V:1.37.0-r12
A:aarch64

pypi
Name: Typing_Extensions
Version: 4.15.0

Name: half

"""
LOCK = {
    "packages": {
        "": {"name": "page", "version": "1.0.0"},
        "node_modules/react": {"version": "19.0.0"},
        "node_modules/vite": {"version": "7.0.0", "dev": True},
        "node_modules/a/node_modules/@b/c": {"version": "1.2.3"},
    }
}


def test_packages_are_read_from_what_package_managers_keep():
    assert packages_of(SAID.splitlines()) == [
        Package("apk", "busybox", "1.37.0-r12", "aarch64", "debian"),
        Package("deb", "curl", "8.14.1-2+deb13u2", "arm64", "debian"),
        Package("deb", "distroless", "2:1.0~rc1", "all", "debian"),
        Package("pypi", "typing-extensions", "4.15.0"),
    ]


def test_nothing_is_read_from_an_image_without_a_shell():
    said = 'OCI runtime exec failed: exec: "sh": executable file not found in $PATH: unknown\n'
    assert packages_of(said.splitlines()) == []


@pytest.mark.parametrize(
    "package",
    [
        *packages_of(SAID.splitlines()),
        Package("npm", "@b/c", "1.2.3"),
        Package("deb", "libstdc++6", "14.2.0-19", "amd64", "debian"),
    ],
)
def test_a_packages_url_says_what_the_package_is(package):
    read = PackageURL.from_string(package.url)
    name = f"{read.namespace}/{read.name}" if read.type == "npm" and read.namespace else read.name
    assert (read.type, name, read.version) == (package.kind, package.name, package.version)
    assert (read.qualifiers or {}).get("arch", "") == package.architecture


def test_a_page_has_what_its_lock_file_says_but_tools():
    files = {"page/package-lock.json": json.dumps(LOCK).encode(), "page/package.json": b"{}"}
    assert locked_packages(files) == [
        Package("npm", "@b/c", "1.2.3"),
        Package("npm", "react", "19.0.0"),
    ]


def test_a_bill_is_valid_cyclonedx_and_can_be_read_again(tmp_path):
    project = write_project(tmp_path)
    (project / "code" / "package-lock.json").write_text(json.dumps(LOCK))
    release = demo_release(project)
    seen = {
        release.images["risk"].digest: [it.as_json() for it in packages_of(SAID.splitlines())],
        release.images["store"].digest: [],
    }
    text = bill(release, seen, "2026-11-23T12:00:00Z")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    said = json.loads(text)
    assert said["metadata"]["component"]["version"] == release.id
    images = {it["bom-ref"]: it for it in said["components"]}
    assert list(images) == ["image-store", "image-risk", "image-page"]
    names = [it["name"] for it in images["image-risk"]["components"]]
    assert names == ["busybox", "curl", "distroless", "typing-extensions", "@b/c", "react"]
    bases = [it["name"] for it in images["image-risk"]["properties"]]
    assert bases == ["dev.drydock.base:python:3.13-slim-trixie"]
    again = seen_before(text)
    assert again[release.images["risk"].digest] == seen[release.images["risk"].digest]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"components": [1]}'])
def test_what_is_no_bill_tells_nothing(text):
    assert seen_before(text) == {}


def test_the_script_prints_what_is_read(tmp_path):
    sections = SAID.partition("deb\n")[2]
    deb, _, rest = sections.partition("apk\n")
    apk, _, pypi = rest.partition("pypi\n")
    for path, text in {
        "etc/os-release": 'NAME="Debian"\nID="debian"\nVERSION_ID=13\n',
        "var/lib/dpkg/status": deb.replace("Version", "Depends: libc6\nVersion"),
        "usr/lib/apk/db/installed": apk.replace("V:", "T:many tools\nV:"),
        "opt/venv/lib/a-4.dist-info/METADATA": pypi.partition("\n\n")[0] + "\n\nVersion: of text\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    words = ["sh", SCRIPT, tmp_path]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert packages_of(done.stdout.splitlines()) == packages_of(SAID.splitlines())
