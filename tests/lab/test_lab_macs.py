"""Recordings are complete and consistent, and the doubles answer from them as macOS does."""

import json
import subprocess
from pathlib import Path

import pytest

import lab
from lab.spec import MACS, chips

FACE = Path(lab.__file__).parent / "face"


def recording(chip: str) -> dict[str, str]:
    lines = (MACS / f"{chip}.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)


def sysctl(tmp_path: Path, chip: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "sysctl"
    text = (FACE / "usr/sbin/sysctl").read_text()
    script.write_text(text.replace("/opt/lab/sysctl.txt", str(MACS / f"{chip}.txt")))
    return subprocess.run(
        ["sh", str(script), *arguments], check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("chip", chips())
def test_cores_of_all_levels_add_up(chip: str) -> None:
    values = recording(chip)
    levels = range(int(values.get("hw.nperflevels", "0")))

    assert values["hw.ncpu"] == values["hw.logicalcpu"]
    for kind in ("physicalcpu", "logicalcpu"):
        total = sum(int(values[f"hw.perflevel{level}.{kind}"]) for level in levels)
        assert total == int(values[f"hw.{kind}"]) or not levels
    for level in levels:
        assert values[f"hw.perflevel{level}.name"]
        assert int(values[f"hw.perflevel{level}.l2cachesize"]) > 0


@pytest.mark.parametrize(
    ("chip", "levels", "memory_gib"),
    [
        ("m4max", {"Performance": 10, "Efficiency": 4}, 36),
        ("m4max-64", {"Performance": 12, "Efficiency": 4}, 64),
        ("m1", {"Performance": 4, "Efficiency": 4}, 8),
        ("m2pro", {"Performance": 8, "Efficiency": 4}, 16),
        ("m3ultra", {"Performance": 24, "Efficiency": 8}, 96),
        ("m5max", {"Super": 6, "Performance": 12}, 48),
        ("m6", {"Super": 2, "Performance": 4, "Efficiency": 6}, 16),
        ("macvm", {"Standard": 3}, 7),
        ("intel", {}, 32),
    ],
)
def test_each_chip_is_what_its_name_says(
    chip: str, levels: dict[str, int], memory_gib: int
) -> None:
    values = recording(chip)
    count = int(values.get("hw.nperflevels", "0"))

    assert {
        values[f"hw.perflevel{level}.name"]: int(values[f"hw.perflevel{level}.physicalcpu"])
        for level in range(count)
    } == levels
    assert int(values["hw.memsize"]) == memory_gib * 1024**3


def test_docker_info_is_a_14_cpu_36_gib_daemon() -> None:
    info = json.loads((MACS / "docker-info-m4max.json").read_text())

    assert (info["NCPU"], info["MemTotal"], info["Architecture"]) == (14, 37838876672, "aarch64")


def test_sysctl_prints_values_in_the_order_asked(tmp_path: Path) -> None:
    done = sysctl(tmp_path, "m1", "-n", "hw.memsize", "hw.ncpu")

    assert done.stdout.split() == ["8589934592", "8"]


def test_sysctl_prints_keys_without_n(tmp_path: Path) -> None:
    done = sysctl(tmp_path, "m1", "machdep.cpu.brand_string")

    assert done.stdout == "machdep.cpu.brand_string: Apple M1\n"


def test_sysctl_prints_the_others_when_a_key_is_unknown(tmp_path: Path) -> None:
    done = sysctl(tmp_path, "m1", "-n", "hw.nope", "hw.ncpu")

    assert (done.stdout, done.returncode) == ("8\n", 1)
    assert done.stderr == "sysctl: unknown oid 'hw.nope'\n"


def test_sysctl_is_silent_on_a_level_the_chip_lacks(tmp_path: Path) -> None:
    done = sysctl(tmp_path, "m1", "-n", "hw.perflevel2.name", "hw.ncpu")

    assert (done.stdout, done.stderr, done.returncode) == ("8\n", "", 0)


def test_sysctl_of_an_old_intel_mac_knows_no_levels(tmp_path: Path) -> None:
    done = sysctl(tmp_path, "intel", "hw.nperflevels", "hw.perflevel0.name")

    assert (done.stdout, done.returncode) == ("", 1)
    assert "unknown oid 'hw.perflevel0.name'" in done.stderr


def test_a_property_list_keeps_entities_lists_and_dictionaries(tmp_path: Path) -> None:
    plist = tmp_path / "job.plist"
    plist.write_text(
        '<plist version="1.0"><dict><key>Label</key><string>a.b</string>'
        "<key>ProgramArguments</key><array><string>/bin/echo</string>"
        "<string>1 &lt; 2 &amp; 3</string></array>"
        "<key>EnvironmentVariables</key><dict><key>X</key><string>y</string></dict>"
        "<key>KeepAlive</key><true/></dict></plist>"
    )
    done = subprocess.run(
        ["sh", str(FACE / "opt/lab/plist"), str(plist)], check=True, capture_output=True, text=True
    )

    assert done.stdout.splitlines() == [
        "Label=a.b",
        "ProgramArguments[]=/bin/echo",
        "ProgramArguments[]=1 < 2 & 3",
        "EnvironmentVariables.X=y",
        "KeepAlive=true",
    ]


def test_what_is_no_property_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("<plist><dict>")

    done = subprocess.run(
        ["sh", str(FACE / "opt/lab/plist"), str(tmp_path / "broken")], check=False
    )

    assert done.returncode == 1
