import json
import tomllib
from pathlib import Path

import pytest

from stack.__main__ import load_groups, main
from stack.planner.every_chip import GIB, outcomes, recorded
from stack.planner.findings import core_loads
from stack.quantities import cores_of
from stack.vm.size import largest_daemon

PROJECT = Path(__file__).parents[2]
MACS = PROJECT / "lab" / "macs"


@pytest.fixture(scope="module")
def every():
    return list(outcomes(MACS, lambda tag: load_groups(PROJECT / "group_data", tag)))


def test_the_documented_table_is_what_the_command_prints(capsys):
    assert main(["plan", "--all-chips"]) == 0
    assert capsys.readouterr().out in (PROJECT / "docs" / "chips.md").read_text()


def test_each_generation_and_every_recorded_apple_chip_is_in_it(every):
    names = {outcome.chip.name for outcome in every}
    for kind in ("M1", "M1 Pro", "M1 Max", "M1 Ultra", "M2 Ultra", "M3 Ultra", "M4 Max", "M5 Max"):
        assert f"Apple {kind}" in names
    sizes = tomllib.loads((MACS / "memory.toml").read_text())
    others = {"macvm", "intel", "intel-sequoia"}
    assert set(sizes) == {file.stem for file in MACS.glob("*.txt")} - others


def test_a_recording_has_one_of_its_memory_sizes():
    for name, sizes in tomllib.loads((MACS / "memory.toml").read_text()).items():
        text = (MACS / f"{name}.txt").read_text()
        assert any(f"hw.memsize: {size * GIB}\n" in text for size in sizes), name


def test_every_map_is_valid_and_the_others_say_what_is_missing(every):
    for outcome in every:
        if outcome.map is None:
            assert outcome.daemon.memory_bytes < 5 * GIB
            assert "needs a VM of" in outcome.row()[-1] and "without ml" in outcome.row()[-1]
            continue
        given, cpus = outcome.map.services, outcome.daemon.cpus
        (own,) = cores_of(given["risk"].cpuset)
        loads = core_loads(given, cpus)
        assert loads[own] == 1
        # Besides risk, engines ask for 19.5 CPUs, and services that run anywhere else for 7.
        assert max(loads) <= max(1, 19.5 / (cpus - 1)) * 1.12 + 7 / (cpus - 1)
        reserved = sum(it.reservation_bytes for it in given.values())
        assert reserved <= outcome.daemon.memory_bytes * 0.9


def test_macos_keeps_memory_of_its_own():
    kept = {
        chip.memory_bytes // GIB: (chip.memory_bytes - largest_daemon(chip).memory_bytes) / GIB
        for chip in recorded(MACS)
    }
    assert (kept[8], kept[32], kept[36], kept[128]) == (4, 4, 4.5, 16)


def test_a_broken_list_of_sizes_is_one_error(tmp_path, capsys):
    (tmp_path / "memory.toml").write_text("m1 = [")
    assert main(["plan", "--all-chips", "--macs", str(tmp_path)]) == 2
    assert "memory.toml: can't be read:" in capsys.readouterr().err


def test_the_other_options_are_asked_for_without_it(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["plan", "--json"])
    assert caught.value.code == 2
    assert "--sysctl and --docker-info, or --all-chips" in capsys.readouterr().err


def test_host_data_changes_every_chips_map(tmp_path, capsys):
    data = tmp_path / "host.json"
    data.write_text(json.dumps({"overrides": {"risk": {"dedicated": False}}}))
    assert main(["plan", "--all-chips", "--data", str(data)]) == 0
    assert "risk" not in capsys.readouterr().out
