import json
import subprocess
import sys
from pathlib import Path

import pytest

from stack.__main__ import main

PROJECT = Path(__file__).parents[2]
SYSCTL = PROJECT / "lab" / "macs" / "m4max.txt"
INFO = {"NCPU": 14, "MemTotal": 37838663680, "Architecture": "aarch64"}


@pytest.fixture
def run(tmp_path, capsys):
    def run(*options, sysctl=SYSCTL, info=INFO):
        info_file = tmp_path / "info.json"
        info_file.write_text(info if isinstance(info, str) else json.dumps(info))
        status = main(["plan", "--sysctl", str(sysctl), "--docker-info", str(info_file), *options])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_a_program_gets_the_map_as_json(run):
    status, out, _ = run("--json")
    plan = json.loads(out)
    assert status == 0
    assert plan["chip"] == {
        "name": "Apple M4 Max",
        "levels": [{"name": "Performance", "cores": 10}, {"name": "Efficiency", "cores": 4}],
        "memory_bytes": 38654705664,
    }
    assert plan["daemon"] == {"cpus": 14, "memory_bytes": 37838663680}
    assert plan["image_tag"] == "m4max"
    assert len(plan["services"]) == 16
    assert set(plan["services"]["risk"]) == {
        "cpuset", "cpus", "memory_bytes", "reservation_bytes", "cpu_shares",
    }  # fmt: skip
    shares = {name: it["cpu_shares"] for name, it in plan["services"].items()}
    assert (shares["risk"], shares["factor"]) == (4096, 1024)
    assert plan["services"]["risk"]["cpuset"] == "7"
    assert plan["services"]["postgres"]["cpuset"] is None
    assert plan["services"]["factor"]["memory_bytes"] == 12 * 2**30
    assert all(set(f) == {"code", "severity", "service", "message"} for f in plan["findings"])
    assert set(plan) == {"chip", "daemon", "image_tag", "services", "findings"}


def test_a_person_gets_a_table_the_loads_and_the_findings(run):
    status, out, _ = run()
    assert status == 0
    assert "chip    Apple M4 Max: 10 Performance + 4 Efficiency cores, 36 GiB" in out
    assert "daemon  14 CPUs, 35.24 GiB, aarch64" in out
    assert "core  8   4.50  ██████████████████\n" in out
    assert "core  0   0.00\n" in out
    assert "warning limits add to 77.5 GiB" in out
    assert "a cpuset chooses the VM's virtual CPUs, not P or E cores" in out
    (risk,) = [line.split() for line in out.splitlines() if line.startswith("risk ")]
    assert risk[:6] == ["risk", "engines", "7", "1", "2", "GiB"]


def test_a_smaller_daemon_gets_a_fitted_map(run):
    status, out, _ = run("--json", info={"NCPU": 2, "MemTotal": 16 * 2**30})
    services = json.loads(out)["services"]
    assert status == 0
    assert {service["cpuset"] for service in services.values()} <= {"0", "1", "0-1", None}
    assert sum(service["reservation_bytes"] for service in services.values()) <= 16 * 2**30


def test_host_data_overrides_the_stack(run, tmp_path):
    data = tmp_path / "host.json"
    data.write_text('{"overrides": {"risk": {"memory": "3 GiB"}}}')
    status, out, _ = run("--json", "--data", str(data))
    assert status == 0
    assert json.loads(out)["services"]["risk"]["memory_bytes"] == 3 * 2**30


@pytest.mark.parametrize(
    ("host_data", "said"),
    [
        ('{"overrides": {"risk": {"cpuset": "4-99"}}}', "cpuset = '4-99': this daemon has cores"),
        ('{"overrides": {"rsk": {}}}', "host.json: overrides.rsk: unknown service; did you mean"),
        ("{", "host.json: not valid JSON"),
        ("[]", "host.json: expected a JSON object"),
    ],
)
def test_wrong_host_data_is_one_error_and_status_2(run, tmp_path, host_data, said):
    data = tmp_path / "host.json"
    data.write_text(host_data)
    status, out, err = run("--data", str(data))
    assert (status, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("info", "said"),
    [("{", "not valid JSON"), ("[]", "expected a JSON object"), ({"NCPU": 0}, "NCPU is 0")],
)
def test_wrong_docker_info_is_one_error_and_status_2(run, info, said):
    status, out, err = run(info=info)
    assert (status, out) == (2, "")
    assert said in err and len(err.splitlines()) == 1


def test_a_file_that_is_not_there_or_not_text_is_named(run, tmp_path):
    status, _, err = run(sysctl=tmp_path / "absent.txt")
    assert (status, "absent.txt: can't be read: No such file" in err) == (2, True)
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    status, _, err = run(sysctl=binary)
    assert (status, "binary.txt: can't be read: it is not UTF-8 text" in err) == (2, True)


def test_a_group_file_that_fails_is_named(run, tmp_path):
    (tmp_path / "all.py").write_text("stack = {}\n1 / 0\n")
    status, _, err = run("--group-data", str(tmp_path))
    assert status == 2
    assert "all.py: division by zero" in err


def test_the_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "stack", "plan"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--sysctl" in done.stderr


@pytest.mark.parametrize("recording", sorted((PROJECT / "lab" / "macs").glob("*.txt")), ids=str)
def test_every_recorded_mac_gets_a_map(run, recording):
    status, out, err = run("--json", sysctl=recording, info={"NCPU": 4, "MemTotal": 2**33})
    assert (status, err) == (0, "")
    assert len(json.loads(out)["services"]) == 16


def test_a_reader_that_leaves_early_sees_no_traceback():
    words = (
        "-m stack plan --sysctl lab/macs/m4max.txt --docker-info lab/macs/docker-info-m4max.json"
    )
    line = f"{sys.executable} {words} | true"
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


PLANNED = '{"core_map": null}'


@pytest.fixture
def reasons(run, tmp_path):
    def reasons(service, data=PLANNED, **options):
        file = tmp_path / "host.json"
        file.write_text(data)
        status, out, err = run("--why", service, "--data", str(file), **options)
        assert (status, err) == (0, "")
        return out

    return reasons


def test_why_names_group_neighbours_and_the_other_places(run, reasons):
    said = reasons("ml")
    assert "3 CPUs need 3 cores" in said
    assert "as large as the chip's L2 clusters" in said
    assert "it shares its cores with " in said
    assert "the map's busiest 2.0" in said
    assert "cores there would carry " in said


def test_why_of_a_dedicated_service_and_of_one_that_keeps_off_it(reasons):
    assert "it is dedicated: nothing else may use its cores" in reasons("risk")
    assert "all cores but those that risk has for itself" in reasons("redis")


def test_why_of_what_is_written_names_the_file(run, reasons):
    status, out, _ = run("--why", "ml")
    assert status == 0
    assert "group_data/m4max.py: core_map.services.ml.cpuset = '7,8,9' is kept" in out
    said = reasons("ml", '{"overrides": {"ml": {"cpuset": "1-3"}}}')
    assert "host.json: overrides.ml.cpuset = '1-3' is obeyed" in said


def test_why_of_what_was_scaled(reasons):
    said = reasons("factor", info={"NCPU": 2, "MemTotal": 8 * 2**30})
    assert "4 CPUs are asked for: this daemon's 2 can't give them" in said
    assert "12 GiB of memory are asked for: all limits are scaled to a daemon with 8 GiB" in said


def test_why_of_a_service_that_there_is_not(run):
    status, out, err = run("--why", "mll")
    assert (status, out) == (2, "")
    assert "--why mll: unknown service; did you mean 'ml'?" in err
