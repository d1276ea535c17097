"""The monitor on a Mac: it comes with a deploy, looks by itself, goes when it is switched off."""

import json
import plistlib
import signal

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from lab.faults import Faults
from stack.__main__ import load_groups
from stack.chips import parse_sysctl
from stack.daemon import daemon_of
from stack.planner.map import plan
from stack.quantities import MIB
from stack.report.recommendation import Quantiles, Used, recommend
from stack.report.recommendation_lines import as_data
from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
LABEL = "dev.drydock.harbour.monitor"
PLACE = "~/.drydock/harbour/monitor"
LOGS = "~/.drydock/harbour/logs"


@retry(stop=stop_after_delay(30), wait=wait_fixed(0.2), reraise=True)
def figures(mac: Mac) -> dict[str, float]:
    """What the metrics file says, as soon as there is one."""
    lines = mac.sh(f"cat {PLACE}/metrics.prom").splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in found.items()}


@retry(stop=stop_after_delay(30), wait=wait_fixed(0.2), reraise=True)
def looks(mac: Mac, at_least: int = 0) -> int:
    """How often launchd has run the monitor, so often at least; none of these looks goes on."""
    said = mac.sh(f"launchctl print user/$(id -u)/{LABEL}")
    count = int(said.partition("runs = ")[2].split()[0])
    assert "state = not running" in said
    assert count >= at_least
    return count


def look(mac: Mac) -> dict[str, float]:
    """Let launchd run the monitor once more: what it then has seen."""
    before = looks(mac)
    mac.sh(f"launchctl kickstart user/$(id -u)/{LABEL}")
    looks(mac, before + 1)
    return figures(mac)


def test_the_monitor_comes_looks_and_goes(running: Project, mac2: Mac):
    plist = mac2.sh(f"cat ~/Library/LaunchAgents/{LABEL}.plist")
    assert plistlib.loads(plist.encode())["StartInterval"] == 60
    assert "state" in mac2.sh(f"launchctl print user/$(id -u)/{LABEL}")

    seen = look(mac2)
    services = ("store", "tide", "pilot", "gate")
    assert {seen[f'drydock_container_healthy{{service="{it}"}}'] for it in services} == {1}
    assert seen['drydock_container_memory_limit_bytes{service="pilot"}'] == 96 * 2**20
    assert 0 < seen['drydock_container_memory_bytes{service="pilot"}'] < 96 * 2**20
    assert seen["drydock_thermal_pressure_level"] == 0
    assert seen["drydock_vm_memory_bytes"] > 2**30
    assert seen["drydock_disk_free_bytes"] > 0

    mac2.docker("kill", "harbour-pilot")
    seen = look(mac2)
    assert seen['drydock_container_healthy{service="pilot"}'] == 0
    alerts = mac2.sh(f"tail -n 1 {LOGS}/resource-alerts.log")
    assert alerts.endswith("Z pilot: healthy -> exited")
    mac2.docker("start", "harbour-pilot")

    off = running.deploy(hosts="mac2", monitor="off")
    assert "monitor: launchd agent, switched off: removed" in off.text
    assert mac2.tries(f"launchctl print user/$(id -u)/{LABEL}").returncode == 113
    assert mac2.sh(f"cd ~/Library/LaunchAgents && ls && cd {PLACE} && ls") == ""
    again = running.deploy(hosts="mac2")
    assert "monitor: launchd agent, not on this host yet: installed" in again.text
    assert figures(mac2)["drydock_monitor_last_run_timestamp_seconds"] > 0

    events = [json.loads(it) for it in mac2.sh(f"cat {LOGS}/events.jsonl").splitlines()]
    first, last = ([it for it in events if it["run"] == events[at]["run"]] for at in (0, -1))
    assert [it["event"] for it in last] == ["begun", "change", "ended"]
    assert (last[-1]["outcome"], last[1]["change"]["action"]) == ("good", "install")
    took = {it["subject"]: it["seconds"] for it in first if it.get("outcome") == "healthy"}
    assert set(services) <= took.keys() and min(took.values()) > 0
    assert len(mac2.sh(f"cat {LOGS}/m1-startup.log").splitlines()) == len(events)


def test_what_somebody_does_to_the_monitor_is_drift(running: Project, mac2: Mac):
    mac2.sh(f"launchctl bootout user/$(id -u)/{LABEL}; echo '# mine' >>{PLACE}/monitor.sh")
    found = running.run("verify.py", "-y", hosts="mac2")
    assert found.status != 0
    assert "monitor: launchd agent, monitor.sh changed, not loaded: installed" in found.text
    running.deploy(hosts="mac2")
    assert looks(mac2) > 0


def test_a_container_without_a_health_check_hides_no_other(running: Project, mac2: Mac):
    mac2.docker("rm", "--force", "harbour-store")
    mac2.docker("run", "--detach", "--name", "harbour-store", "nginx:1.26")
    try:
        seen = look(mac2)
    finally:
        mac2.docker("rm", "--force", "harbour-store")
    assert seen['drydock_container_healthy{service="store"}'] == 0
    assert seen['drydock_container_healthy{service="tide"}'] == 1
    assert seen['drydock_container_restarts{service="store"}'] == 0


def test_a_daemon_that_is_killed_is_missed_and_welcomed_back(running: Project, mac2: Mac, lab: Lab):
    faults = Faults(lab.settings, mac2.state)
    assert 'drydock_container_healthy{service="tide"}' in look(mac2)
    faults.end_daemon(signal.SIGKILL)
    try:
        seen = look(mac2)
    finally:
        faults.start_daemon()
    assert [name for name in seen if name.startswith(("drydock_container", "drydock_core"))] == []
    assert seen["drydock_disk_free_bytes"] > 0
    assert 'drydock_container_healthy{service="tide"}' in look(mac2)
    log = mac2.sh(f"grep ' daemon: ' {LOGS}/resource-alerts.log").splitlines()
    missed, back = (line.partition(" daemon: ")[2] for line in log[-2:])
    assert missed.startswith("no answer, so nothing is known of the containers: ")
    assert back == "answers again"


def test_a_recommendation_is_applied_live_by_the_next_deploy(running: Project, mac2: Mac):
    data = running.folder / "group_data"
    inputs = load_groups(data, "m1")
    chip = parse_sysctl((ROOT / "lab/macs/m1.txt").read_text())
    daemon = daemon_of(json.loads(mac2.docker("info", "--format", "{{json .}}")))
    has = plan(inputs, chip, daemon).services
    memory = Quantiles(40 * MIB, 42 * MIB, 44 * MIB)
    busy = Used(10_000, Quantiles(0.1, 0.24, 0.25), memory, 0.9)
    found = recommend(inputs, chip, daemon, has, {"tide": busy, "pilot": busy})
    (data / "m1.py").write_text(as_data(found, "mac2"))

    before = mac2.identities("harbour")
    run = running.deploy(hosts="mac2")
    assert "pilot: CPUs 0.3 → 0.4, applied live" in run.text
    assert mac2.identities("harbour") == before
    for name in ("tide", "pilot"):
        limits = mac2.containers("harbour")[f"harbour-{name}"]["HostConfig"]
        assert limits["NanoCpus"] == 400_000_000
        assert limits["Memory"] == 80 * MIB < has[name].memory_bytes
    again = running.deploy(hosts="mac2")
    assert "no changes: harbour:m1" in again.text


def heat(mac: Mac, level: int) -> None:
    mac.sh(f"echo {level} >/opt/lab/thermal")


def cpus(mac: Mac) -> dict[str, float]:
    found = mac.containers("harbour").items()
    return {name: each["HostConfig"]["NanoCpus"] / 1e9 for name, each in found}


def test_heat_takes_cpus_and_gives_them_back_and_restarts_nothing(running: Project, mac2: Mac):
    overrides = {"tide": {"latency_class": "latency"}}
    running.deploy(hosts="mac2", overrides=overrides)
    before, whole = mac2.identities("harbour"), cpus(mac2)
    try:
        heat(mac2, 2)
        seen = look(mac2)
        assert seen["drydock_thermal_pressure_level"] == 2
        hot = cpus(mac2)
        assert hot["harbour-tide"] == whole["harbour-tide"]
        assert hot["harbour-pilot"] == pytest.approx(whole["harbour-pilot"] / 2, abs=0.006)

        found = running.run("verify.py", "-y", hosts="mac2", overrides=overrides)
        assert found.status == 0, found.text
        assert "pilot: capped at 0.15 of 0.3 CPUs for heat since" in found.words
        assert cpus(mac2) == hot

        overrides["gate"] = {"build": {"arguments": {"greeting": "it was hot"}}}
        run = running.start("deploy.py", "-y", hosts="mac2", overrides=overrides)
        with run:
            said = []
            for line in run.stdout:
                said.append(line)
                if "starting waits, at most" in line or "building waits, at most" in line:
                    heat(mac2, 0)
        assert run.returncode == 0, "".join(said)
        (wait, *_) = [it for it in mac2.last_run("harbour") if it["event"] == "wait"]
        assert wait["what"] == "building waits for the Mac to cool down"
        assert wait["outcome"] == "pressure none reported (0)" and wait["seconds"] > 0
        assert "thermal pressure heavy (2): building waits, at most 300 s" in "".join(said)
        assert "pressure none reported (0) after" in "".join(said)
    finally:
        heat(mac2, 0)

    for _ in range(3):
        look(mac2)
    assert cpus(mac2) == whole
    after = mac2.identities("harbour")
    assert {name for name in before if before[name] != after[name]} == {"harbour-gate"}
    log = mac2.sh(f"cat {LOGS}/thermal-monitor.log")
    assert "Z pilot: CPUs 0.3 -> 0.15, pressure heavy (2)" in log
    assert "Z pilot: CPUs 0.15 -> 0.3, pressure nominal (0) at 3 looks" in log
