"""The monitor, run for real by each POSIX shell and awk that there is, on scripted doubles."""

import shutil
import time

import pytest

from stack.changes.heat import read_caps
from stack.release.launchd import MONITOR
from tests.facts.conftest import executable, home, shell  # noqa: F401 - fixtures
from tests.operations.monitor_doubles import MIB, Observed

AWKS = {"mawk": ["mawk"], "original-awk": ["original-awk"], "busybox": ["busybox", "awk"]}


@pytest.fixture
def mac(home, executable):  # noqa: F811
    return Observed(home, ["dash"], ["mawk"], executable)


def pilots(mac, name):
    return mac.metrics[f'drydock_container_{name}{{service="pilot"}}']


def test_every_shell_writes_what_was_seen(shell, home, executable):  # noqa: F811
    mac = Observed(home, shell, ["mawk"], executable)
    began = time.time()
    mac.look()
    metrics = mac.metrics
    assert began - 1 <= metrics.pop("drydock_monitor_last_run_timestamp_seconds") <= time.time()
    assert metrics.pop("drydock_disk_free_bytes") == pytest.approx(
        shutil.disk_usage(mac.directory).free, rel=0.05
    )
    assert metrics == {
        "drydock_thermal_pressure_level": 0,
        "drydock_vm_memory_bytes": 16777216000,
        **{
            f'drydock_container_{name}{{service="{service}"}}': value
            for service in ("tide", "pilot")
            for name, value in {
                "cpu_ratio": 0.1,
                "cpus": 0.04,
                "memory_bytes": 48 * MIB,
                "memory_limit_bytes": 96 * MIB,
                "restarts": 0,
                "healthy": 1,
            }.items()
        },
    }
    assert mac.events("thermal-monitor") == ["the monitor begins; pressure none reported (0)"]
    assert mac.events("resource-alerts") == []
    assert {it.name for it in mac.monitor.iterdir()} == {
        *MONITOR, "caps", "metrics.prom", "state",
    }  # fmt: skip


@pytest.mark.parametrize("awk", AWKS)
def test_every_awk_decides_alike(awk, home, executable):  # noqa: F811
    if shutil.which(AWKS[awk][0]) is None:
        pytest.skip(f"no {awk} here")
    mac = Observed(home, ["dash"], AWKS[awk], executable)
    mac.look()
    mac.says("level", 1)
    mac.container("tide", health="unhealthy", restarts=2)
    mac.uses("pilot", memory="90.5MiB")
    mac.look()
    mac.says("level", 0)
    mac.container("tide", restarts=2)
    mac.uses("pilot", memory="1.5kB")
    mac.look()
    assert mac.events("thermal-monitor")[1:] == [
        "pressure nominal (0) -> moderate (1)",
        "pressure moderate (1) -> nominal (0)",
    ]
    assert mac.events("resource-alerts") == [
        "tide: healthy -> unhealthy",
        "tide: restarted, 2 times since it was made",
        "pilot: memory 94 % of its limit",
        "tide: unhealthy -> healthy",
        "pilot: memory 0 % of its limit again",
    ]
    assert pilots(mac, "memory_bytes") == 1536


@pytest.mark.parametrize("awk", AWKS)
def test_cpus_of_services_with_a_cpuset_are_spread_over_its_cores(awk, home, executable):  # noqa: F811
    if shutil.which(AWKS[awk][0]) is None:
        pytest.skip(f"no {awk} here")
    mac = Observed(home, ["dash"], AWKS[awk], executable)
    mac.look()
    assert not [name for name in mac.metrics if "core" in name]
    mac.container("tide", cpus=2, cores="7-9,11")
    mac.uses("tide", cpu_percent=120)
    mac.container("pilot", cpus=0.4, cores="9")
    mac.uses("pilot", cpu_percent=4)
    mac.look()
    found = {name: it for name, it in mac.metrics.items() if "core" in name}
    assert found == {
        'drydock_container_cores{service="tide",cores="7-9,11"}': 1,
        'drydock_container_cores{service="pilot",cores="9"}': 1,
        **{f'drydock_core_cpus{{core="{it}"}}': 0.3 for it in (7, 8, 11)},
        'drydock_core_cpus{core="9"}': 0.34,
        **{f'drydock_core_limit_cpus{{core="{it}"}}': 0.5 for it in (7, 8, 11)},
        'drydock_core_limit_cpus{core="9"}': 0.9,
    }


def test_what_stays_as_it_is_makes_no_line(mac):
    mac.uses("pilot", memory="95MiB", cpu_percent=40)
    mac.container("tide", state="exited", health="unhealthy")
    for _ in range(5):
        mac.look()
    assert mac.events("resource-alerts") == [
        "tide: exited",
        "pilot: memory 99 % of its limit",
        "pilot: CPU 100 % of its limit, 3 looks in a row",
    ]
    mac.uses("pilot", memory="80MiB", cpu_percent=30)
    mac.look()
    assert mac.events("resource-alerts")[3:] == ["pilot: CPU 75 % of its limit again"]


def test_a_daemon_that_is_away_is_told_once_and_nothing_is_made_up(mac):
    mac.look()
    mac.says("away")
    mac.look()
    mac.look()
    assert set(mac.metrics) == {
        "drydock_thermal_pressure_level",
        "drydock_disk_free_bytes",
        "drydock_monitor_last_run_timestamp_seconds",
    }
    mac.unsays("away")
    mac.look()
    assert mac.events("resource-alerts") == [
        "daemon: no answer, so nothing is known of the containers: Cannot connect to the Docker"
        " daemon at unix:///x. Is the docker daemon running?",
        "daemon: answers again",
    ]
    assert pilots(mac, "healthy") == 1
    assert mac.metrics["drydock_vm_memory_bytes"] == 16777216000


def test_a_daemon_that_never_answers_is_given_up(mac):
    shared = mac.monitor / "look.sh"
    shared.write_text(shared.read_text().replace("patience_s=20", "patience_s=1"))
    mac.says("hangs")
    mac.look()
    assert mac.events("resource-alerts") == [
        "daemon: no answer, so nothing is known of the containers: no answer in 1 s"
    ]


def test_a_missing_container_is_no_missing_daemon(mac):
    mac.look()
    mac.unsays("containers/harbour-pilot")
    mac.look()
    assert mac.events("resource-alerts") == ["pilot: healthy -> missing"]
    assert pilots(mac, "healthy") == 0
    assert 'drydock_container_memory_bytes{service="pilot"}' not in mac.metrics
    assert mac.metrics['drydock_container_healthy{service="tide"}'] == 1


def test_a_new_container_has_not_restarted(mac):
    mac.container("tide", restarts=3)
    mac.look()
    mac.container("tide", restarts=4, identity="b2")
    mac.look()
    assert mac.events("resource-alerts") == []


def test_where_no_pressure_is_reported_there_is_no_figure(mac):
    mac.unsays("level")
    mac.look()
    assert mac.events("thermal-monitor") == ["the monitor begins; pressure not reported"]
    assert "drydock_thermal_pressure_level" not in mac.metrics


def test_a_full_disk_is_told_and_its_end(mac):
    mac.look(min_free_kib="999999999999")
    mac.look(min_free_kib="999999999999")
    mac.look()
    free = [it.partition(" GiB")[2] for it in mac.events("resource-alerts")]
    assert free == [" free", " free again"]


def test_before_the_first_deploy_there_is_nothing_to_look_at(mac):
    (mac.directory / "current/services.tsv").unlink()
    mac.look()
    assert "drydock_vm_memory_bytes" in mac.metrics
    assert mac.events("resource-alerts") == []


def test_events_of_a_deploy_say_so_and_when_it_was_is_a_figure(mac):
    (mac.directory / "lock").mkdir()
    (mac.directory / "deployed").write_text("1795500000\n")
    mac.container("tide", state="exited")
    mac.look()
    assert mac.events("resource-alerts") == ["tide: exited (while a deploy holds the lock)"]
    assert mac.metrics["drydock_deploy_last_timestamp_seconds"] == 1795500000


def test_when_the_last_backup_was_is_a_figure_once_there_is_one(mac):
    mac.look()
    assert "drydock_backup_last_success_timestamp_seconds" not in mac.metrics
    (mac.directory / "backed_up").write_text("1795500000\n")
    mac.look()
    assert mac.metrics["drydock_backup_last_success_timestamp_seconds"] == 1795500000


@pytest.mark.parametrize("log", ["thermal-monitor", "resource-alerts"])
def test_logs_are_kept_short(mac, log):
    for size in (1_500_000, 1_400_000, 1_300_000, 1_200_000):
        mac.age(log, size)
        mac.look()
    sizes = {it.name: it.stat().st_size for it in mac.logs.glob(f"{log}.log.*")}
    assert sizes == {
        f"{log}.log.1": 1_200_000,
        f"{log}.log.2": 1_300_000,
        f"{log}.log.3": 1_400_000,
    }


def test_the_daemon_is_asked_little(mac):
    for _ in range(10):
        mac.look()
    kinds = [" ".join(it.split()[:2]) for it in mac.asked]
    assert kinds.count("container inspect") == 10
    assert kinds.count("stats --no-stream") == 10
    assert kinds.count("info --format") == 1
    assert len(kinds) == 21


# Heat


def caps(mac):
    return read_caps((mac.monitor / "caps").read_text().splitlines())


def updates(mac):
    return [it for it in mac.asked if it.startswith("container update")]


@pytest.mark.parametrize("awk", AWKS)
def test_at_heavy_pressure_throughput_is_capped_and_given_back(awk, home, executable):  # noqa: F811
    if shutil.which(AWKS[awk][0]) is None:
        pytest.skip(f"no {awk} here")
    mac = Observed(home, ["dash"], AWKS[awk], executable)
    mac.look()
    mac.says("level", 2)
    mac.look()
    assert updates(mac) == ["container update --cpus 0.2 harbour-pilot"]
    assert {name: (it.cpus, it.capped_cpus) for name, it in caps(mac).items()} == {
        "pilot": (0.4, 0.2)
    }
    since = caps(mac)["pilot"].since
    assert time.strptime(since, "%Y-%m-%dT%H:%M:%SZ")

    mac.container("pilot", cpus=0.2)
    for level in (3, 1, 0, 0, 2, 0, 0):
        mac.says("level", level)
        mac.look()
    assert len(updates(mac)) == 1
    assert caps(mac)["pilot"].since == since
    mac.look()
    assert updates(mac)[1:] == ["container update --cpus 0.4 harbour-pilot"]
    mac.container("pilot", cpus=0.4)
    mac.look()
    assert caps(mac) == {}
    assert len(updates(mac)) == 2
    assert [it for it in mac.events("thermal-monitor") if it.startswith("pilot")] == [
        "pilot: CPUs 0.4 -> 0.2, pressure heavy (2)",
        "pilot: CPUs 0.2 -> 0.4, pressure nominal (0) at 3 looks",
    ]


def test_a_cap_that_fails_is_tried_again(mac):
    mac.says("level", 2)
    mac.says("refuses")
    mac.look()
    mac.unsays("refuses")
    mac.look()
    assert mac.events("thermal-monitor")[1:] == [
        "pilot: CPUs stay at 0.4, not 0.2: Error response from daemon: no",
        "pilot: CPUs 0.4 -> 0.2, pressure heavy (2)",
    ]


def test_a_new_map_or_container_while_it_is_hot_is_capped_anew(mac):
    mac.says("level", 2)
    mac.look()
    lines = "tide\tharbour-tide\tlatency\t0.3\npilot\tharbour-pilot\tthroughput\t0.8\n"
    (mac.directory / "current/services.tsv").write_text(lines)
    mac.container("pilot", cpus=0.8)
    mac.look()
    assert updates(mac)[1:] == ["container update --cpus 0.4 harbour-pilot"]
    assert (caps(mac)["pilot"].cpus, caps(mac)["pilot"].capped_cpus) == (0.8, 0.4)


def test_what_somebody_changed_meanwhile_is_left(mac):
    mac.says("level", 2)
    mac.look()
    mac.container("pilot", cpus=0.7)
    mac.says("level", 0)
    for _ in range(4):
        mac.look()
    assert len(updates(mac)) == 1
    assert caps(mac) == {}


def test_caps_outlive_a_daemon_that_is_away(mac):
    mac.says("level", 2)
    mac.look()
    before = caps(mac)
    mac.says("away")
    mac.look()
    assert caps(mac) == before != {}


def test_where_no_pressure_is_reported_any_more_a_cap_is_lifted(mac):
    mac.says("level", 2)
    mac.look()
    mac.container("pilot", cpus=0.2)
    mac.unsays("level")
    for _ in range(3):
        mac.look()
    assert updates(mac)[1:] == ["container update --cpus 0.4 harbour-pilot"]
