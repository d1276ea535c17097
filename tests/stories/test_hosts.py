"""Several hosts at once, and every kind of host."""

import json
import re
import signal
from pathlib import Path

import httpx
import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from tests.stories.mac import Mac
from tests.stories.project import ROOT, Project, login, write_inventory
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
RUNTIMES = {
    "mac1": ("colima", "m1"),
    "mac2": ("orbstack", "m3ultra"),
    "mac3": ("rancher", "m5max"),
    "mac4": ("linux", "linux-x86-64"),
}


def test_two_macs_at_once_each_get_their_own(harbour: Project, odd_lab: Lab, tmp_path: Path):
    everywhere = Project(harbour.folder, ROOT / "lab/inventory.py", odd_lab.environment)
    everywhere.deploy(hosts="mac1,mac2")
    inventory = write_inventory(
        tmp_path / "macs.py",
        {
            "m1": [login(odd_lab.hosts["mac1"], overrides={"pilot": {"cpuset": "1"}})],
            "m3ultra": [login(odd_lab.hosts["mac2"], overrides={"pilot": {"memory": "128 MiB"}})],
        },
    )
    run = everywhere.run("deploy.py", "-y", hosts="mac1,mac2", inventory=inventory)

    assert run.status == 0, run.text
    for name in ("mac1", "mac2"):
        assert f"[{name}] 4/4 containers healthy, 1/1 endpoints answer" in run.text
    assert "[mac1]   pilot: cpuset 0 → 1, applied live" in run.text
    assert "[mac2]   pilot: memory 96 MiB → 128 MiB, applied live" in run.text
    on_mac1, on_mac2 = (
        Mac(odd_lab.settings, odd_lab.hosts[name]).containers("harbour")["harbour-pilot"]
        for name in ("mac1", "mac2")
    )
    assert on_mac1["Config"]["Image"] == "harbour-pilot:m1"
    assert on_mac2["Config"]["Image"] == "harbour-pilot:m3ultra"
    assert [each["HostConfig"]["CpusetCpus"] for each in (on_mac1, on_mac2)] == ["1", "0"]
    assert [each["HostConfig"]["Memory"] >> 20 for each in (on_mac1, on_mac2)] == [96, 128]


def test_where_sudo_is_given_the_monitor_is_roots_job_for_the_same_user(
    harbour: Project, odd_lab: Lab
):
    everywhere = Project(harbour.folder, ROOT / "lab/inventory.py", odd_lab.environment)
    mac1 = Mac(odd_lab.settings, odd_lab.hosts["mac1"])
    everywhere.deploy(hosts="mac1", monitor="agent")
    label, logs = "dev.drydock.harbour.monitor", "~/.drydock/harbour/logs"
    place = f"/Library/LaunchDaemons/{label}.plist"

    run = everywhere.deploy(hosts="mac1", _sudo_password="given")
    assert "monitor: launchd agent, it becomes a launchd daemon: removed" in run.text
    assert "monitor: launchd daemon, not on this host yet: installed" in run.text
    assert mac1.sh(f"stat -c '%U %a' {place}") == "root 644"
    assert mac1.tries(f"launchctl print user/501/{label}").returncode == 113
    # As if it had never looked before.
    mac1.sh(f"rm -r {logs} ~/.drydock/harbour/monitor/state")
    mac1.sh(f"sudo launchctl kickstart -k system/{label}")
    finished(mac1, f"system/{label}")
    owners = mac1.sh(f"stat -c '%U' ~/.drydock/harbour/monitor/* {logs} {logs}/*")
    assert set(owners.split()) == {"trader"}
    assert "drydock_container_healthy" in mac1.sh("cat ~/.drydock/harbour/monitor/metrics.prom")
    again = everywhere.deploy(hosts="mac1", _sudo_password="given")
    assert "no changes: harbour:" in again.text

    run = everywhere.deploy(hosts="mac1")
    assert "monitor: launchd daemon, it becomes a launchd agent: removed" in run.text
    assert mac1.tries(f"launchctl print system/{label}").returncode == 113
    assert mac1.tries(f"ls {place}").returncode != 0
    finished(mac1, f"user/501/{label}")


@retry(stop=stop_after_delay(30), wait=wait_fixed(0.2), reraise=True)
def finished(mac: Mac, job: str) -> None:
    """Wait until launchd's job has looked once, and its look is over."""
    said = mac.sh(f"launchctl print {job}")
    assert "state = not running" in said and "last exit code = 0" in said
    mac.sh("ls ~/.drydock/harbour/logs/thermal-monitor.log")


def test_a_mac_that_is_named_in_macs_toml_is_deployed_to(
    running: Project, lab: Lab, mac2: Mac, tmp_path: Path
):
    _, data = login(lab.hosts["mac2"])
    said = ", ".join(f"{key} = {json.dumps(it)}" for key, it in data.items())
    macs = tmp_path / "office.toml"
    macs.write_text(
        f'[m1.hosts]\n"mac2" = {{ {said} }}\n'
        '[m1.data.overrides]\npilot = { memory = "112 MiB" }\n'
    )
    environment = {**running.environment, "DRYDOCK_MACS": str(macs)}
    # pyinfra takes the data beside the inventory: by a link, that is the project's own.
    inventory = running.folder / "inventory.py"
    inventory.symlink_to(ROOT / "inventory.py")
    run = Project(running.folder, inventory, environment).deploy(hosts="mac2")
    assert "pilot: memory 96 MiB → 112 MiB, applied live" in run.text
    assert mac2.containers("harbour")["harbour-pilot"]["HostConfig"]["Memory"] == 112 * 2**20


def test_a_mac_that_nobody_answers_fails_alone(
    running: Project, lab: Lab, mac2: Mac, tmp_path: Path
):
    name, data = login(lab.hosts["mac2"], overrides={"pilot": {"memory": "80 MiB"}})
    nobody = str(lab.settings.subnet[-2])
    away = ("away", {**data, "ssh_hostname": nobody, "ssh_strict_host_key_checking": "no"})
    inventory = write_inventory(tmp_path / "macs.py", {"m1": [away, (name, data)]})
    run = running.run("deploy.py", "-y", hosts="m1", inventory=inventory)

    assert run.status != 0
    said = [line for line in run.text.splitlines() if "[away]" in line]
    assert len(said) == 1, said
    assert nobody in said[0]
    assert "Traceback" not in run.text
    assert "[mac2] 4/4 containers healthy" in run.text
    assert mac2.containers("harbour")["harbour-pilot"]["HostConfig"]["Memory"] == 80 * 2**20


def test_pages_open_from_the_machine_that_ran_the_command(running: Project, mac2: Mac):
    assert not mac2.accepts(18080)
    with running.start("open.py", "-y", hosts="mac2") as opened:
        assert opened.stdout is not None
        said = ""
        for line in opened.stdout:
            said += line
            if "open until Ctrl-C" in line:
                break
        addresses = re.findall(r"http://127\.0\.0\.1:\d+\S*", said)
        answers = [httpx.get(address).text for address in addresses]
        opened.send_signal(signal.SIGINT)
        opened.wait(timeout=30)
    assert "The gate: http://127.0.0.1:" in said
    assert [answer for answer in answers if "the gate is open" in answer]
    assert [answer for answer in answers if "high water" in answer]
    with pytest.raises(httpx.ConnectError):
        httpx.get(addresses[0])


def test_neither_path_nor_credential_store_is_needed(running: Project, mac2: Mac):
    """What a Mac lacks over SSH: docker on the PATH, and a keychain that opens."""
    assert mac2.tries("command -v docker").returncode != 0
    mac2.sh("mkdir -p /tmp/own && echo 'services: {a: {image: redis:8.0}}' >/tmp/own/compose.yml")
    pull = f"DOCKER_HOST=unix://{mac2.state.socket} {mac2.state.cli} compose pull"
    by_hand = mac2.tries(f"cd /tmp/own && {pull}; status=$?; rm -r /tmp/own; exit $status")
    assert by_hand.returncode != 0
    assert "error getting credentials" in by_hand.stderr
    # `running` has just been deployed there: all its base images were pulled.
    assert "redis:8.0" in mac2.docker("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_secrets_are_made_once_and_never_shown(harbour: Project, mac2: Mac):
    mac2.remove_stack("harbour")
    first = harbour.deploy("-vvv", "--debug", hosts="mac2")
    secret = mac2.sh("cat ~/.drydock/harbour/secrets/tide_token")
    assert len(secret) == 40
    again = harbour.deploy("-vvv", "--debug", hosts="mac2")

    assert mac2.sh("cat ~/.drydock/harbour/secrets/tide_token") == secret
    assert "tide_token" in first.text, "-vvv shows the command that generates it"
    assert secret not in first.text + again.text
    assert mac2.docker("exec", "harbour-tide", "cat", "/run/secrets/tide_token") == secret


def test_every_runtime_is_found_and_used(harbour: Project, odd_lab: Lab):
    everywhere = Project(harbour.folder, ROOT / "lab/inventory.py", odd_lab.environment)
    hosts = ",".join(RUNTIMES)
    run = everywhere.deploy(hosts=hosts)
    for name, (runtime, tag) in RUNTIMES.items():
        assert odd_lab.hosts[name].runtime == runtime
        assert f"[{name}] 4/4 containers healthy, 1/1 endpoints answer" in run.text
        pilot = Mac(odd_lab.settings, odd_lab.hosts[name]).containers("harbour")["harbour-pilot"]
        assert pilot["Config"]["Image"] == f"harbour-pilot:{tag}"

    again = everywhere.deploy(hosts=hosts)
    assert again.text.count("no changes: harbour:") == len(RUNTIMES)
