import os
import platform
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

INVENTORY = Path(__file__).parents[2] / "inventory.py"


@pytest.fixture(autouse=True)
def without_a_list(monkeypatch, tmp_path):
    monkeypatch.delenv("DRYDOCK_MACS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def groups(monkeypatch, system, brand=""):
    def sysctl(words, **_options):
        assert words == ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.CompletedProcess(words, 0, f"{brand}\n", "")

    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(subprocess, "run", sysctl)
    names = runpy.run_path(str(INVENTORY))
    return {name: value for name, value in names.items() if isinstance(value, list | tuple)}


@pytest.mark.parametrize(
    ("brand", "group"),
    [("Apple M4 Max", "m4max"), ("Apple M1", "m1"), ("Apple M3 Ultra", "m3ultra")],
)
def test_this_mac_is_in_the_group_of_its_chip(monkeypatch, brand, group):
    assert groups(monkeypatch, "Darwin", brand) == {group: ["@local"]}


def test_a_linux_machine_is_itself(monkeypatch):
    assert groups(monkeypatch, "Linux") == {"linux": ["@local"]}


def test_macs_toml_is_taken_where_there_is_one(monkeypatch, without_a_list):
    (without_a_list / "macs.toml").write_text("[m1]\nhosts = { mini = {} }\n")
    assert groups(monkeypatch, "Linux") == {"m1": ([("mini", {})], {"chip": "m1"})}


def test_hosts_of_the_ssh_configuration_and_of_what_it_includes(monkeypatch, without_a_list):
    (without_a_list / ".ssh").mkdir()
    included = without_a_list / ".ssh" / "minis"
    included.write_text("Host mini-1\n  User trader\n")
    (without_a_list / ".ssh" / "config").write_text(f"Include {included}\nHost mini-2 *\n")
    (without_a_list / "office.toml").write_text('[m1]\nssh_config = ["mini-*"]\n')
    monkeypatch.setenv("DRYDOCK_MACS", "office.toml")
    found = groups(monkeypatch, "Linux")
    assert found == {"m1": ([("mini-1", {}), ("mini-2", {})], {"chip": "m1"})}


def test_a_list_that_is_named_but_not_there_is_one_error_to_pyinfra():
    done = subprocess.run(
        [sys.executable, "-m", "pyinfra", INVENTORY, "debug-inventory"],
        env={"PATH": os.environ["PATH"], "DRYDOCK_MACS": "absent.toml"},
        cwd=INVENTORY.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "absent.toml: can't be read: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_project_of_ones_own_uses_it_from_another_folder(without_a_list):
    (without_a_list / "macs.toml").write_text("[m1]\nhosts = { mini = {} }\n")
    words = [Path(sys.executable).with_name("pyinfra"), INVENTORY, "debug-inventory"]
    done = subprocess.run(
        words, check=False, cwd=without_a_list, stdin=subprocess.DEVNULL, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "mini" in done.stdout + done.stderr
