import platform
import runpy
import subprocess
from pathlib import Path

import pytest

INVENTORY = Path(__file__).parents[2] / "inventory.py"


def groups(monkeypatch, system, brand=""):
    def sysctl(words, **_options):
        assert words == ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.CompletedProcess(words, 0, f"{brand}\n", "")

    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(subprocess, "run", sysctl)
    names = runpy.run_path(str(INVENTORY))
    return {name: value for name, value in names.items() if isinstance(value, list)}


@pytest.mark.parametrize(
    ("brand", "group"),
    [("Apple M4 Max", "m4max"), ("Apple M1", "m1"), ("Apple M3 Ultra", "m3ultra")],
)
def test_this_mac_is_in_the_group_of_its_chip(monkeypatch, brand, group):
    assert groups(monkeypatch, "Darwin", brand) == {group: ["@local"]}


def test_a_linux_machine_is_itself(monkeypatch):
    assert groups(monkeypatch, "Linux") == {"linux": ["@local"]}
