"""What the machine says about package registries."""

from pathlib import Path

import pytest

from lab.machine import AptSource, ca_bundle, pick_mirrors
from lab.process import LabError

INDEX = [
    "https://example.org/tools stable Tools",
    "http://mirror.example/debian bookworm Debian",
    "http://mirror.example/debian bookworm-updates Debian",
    "http://mirror.example/debian-security bookworm-security Debian",
]


def test_mirrors_are_told_from_other_sources() -> None:
    assert pick_mirrors(INDEX) == (
        "http://mirror.example/debian",
        "http://mirror.example/debian-security",
    )


def test_no_debian_mirror_is_said() -> None:
    with pytest.raises(LabError, match="no Debian mirror"):
        pick_mirrors(INDEX[:1])


def test_security_is_left_out_where_the_machine_has_none() -> None:
    source = AptSource("http://mirror.example/debian", None, "")

    assert source.sources_list().splitlines() == [
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/debian trixie-updates main",
    ]


def test_a_bundle_that_is_named_and_exists_is_taken(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("certificates")

    assert ca_bundle({"PIP_CERT": "/nowhere", "SSL_CERT_FILE": str(bundle)}) == bundle
