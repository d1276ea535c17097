"""Debian packages in a build: what was downloaded stays with the daemon, and no layer keeps it."""

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project

pytestmark = pytest.mark.lab
DOCKERFILE = """{% import "images/network.j2" as network %}
FROM {{ bases.python }}
COPY packages /srv/packages
RUN {{ network.apt() }} set -e; \\
    rm -f /etc/apt/sources.list.d/*; \\
    echo 'deb [trusted=yes] copy:/srv/packages ./' >/etc/apt/sources.list; \\
    apt-get update; apt-get install --no-install-recommends -y buoy
COPY src/tide.py /srv/tide.py
USER nobody
CMD ["python3", "/srv/tide.py"]
"""
DESCRIPTION = """Package: buoy
Version: 1.0
Architecture: all
Maintainer: tests <tests@localhost>
Description: it floats
"""
LEFT = """find /var /run -name '*buoy*.deb' -o -name '*srv_packages*' -o -path /run/apt 2>/dev/null
true"""


def write_archive(folder: Path, work: Path) -> Path:
    """An archive with a single package, `buoy`, that is a script; returns the package's file."""
    script, control = work / "buoy/usr/bin/buoy", work / "buoy/DEBIAN/control"
    for file, content in ((script, "#!/bin/sh\necho floats\n"), (control, DESCRIPTION)):
        file.parent.mkdir(parents=True)
        file.write_text(content)
    script.chmod(0o755)
    folder.mkdir()
    package = folder / "buoy.deb"
    make = ["dpkg-deb", "--root-owner-group", "--build", str(work / "buoy"), str(package)]
    subprocess.run(make, check=True, capture_output=True)
    content = package.read_bytes()
    (folder / "Packages").write_text(
        f"{DESCRIPTION}Filename: ./{package.name}\n"
        f"Size: {len(content)}\nSHA256: {sha256(content).hexdigest()}\n"
    )
    return package


def test_a_package_is_downloaded_once_and_only_what_it_installs_is_kept(
    running: Project, mac2: Mac, tmp_path: Path
):
    package = write_archive(running.folder / "packages", tmp_path)
    (running.folder / "templates/images/buoy.Dockerfile.j2").write_text(DOCKERFILE)
    build = {"dockerfile": "buoy", "context": ["src/tide.py", "packages"]}
    running.deploy(hosts="mac2", overrides={"tide": {"build": build}})
    assert mac2.docker("exec", "harbour-tide", "buoy") == "floats"
    assert mac2.docker("exec", "harbour-tide", "sh", "-c", LEFT) == ""

    # The layer is made again, and what it downloaded before is all that there is of the package.
    package.write_bytes(b"")
    running.deploy(hosts="mac2", overrides={"tide": {"build": build}})
    assert mac2.docker("exec", "harbour-tide", "buoy") == "floats"
