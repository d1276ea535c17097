"""Docker's VM restarts with other settings: a real daemon, behind a double of Docker Desktop."""

import json
import os
import signal
from threading import Thread

import pytest

from lab.docker_desktop import docker_desktop
from lab.faults import Faults
from tests.stories.mac import Mac
from tests.stories.project import Project
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
HOME = "Users/trader"
SETTINGS = "Library/Group Containers/group.com.docker/settings-store.json"


def lose_port(mac: Mac, faults: Faults, port: int) -> None:
    """Kill the daemon while a container starts, until it holds the port for none (moby#25981)."""
    image = mac.docker("inspect", "--format", "{{.Image}}", "harbour-store")
    ask = ("run", "--detach", "--name", "lost", "--publish", f"127.0.0.1:{port}:1", image)
    for attempt in range(60):
        start = Thread(target=mac.tries_docker, args=ask)
        start.start()
        # How long it takes to have its port but not yet its start differs between machines.
        start.join(0.2 + attempt % 12 / 10)
        faults.end_daemon(signal.SIGKILL)
        start.join()
        faults.start_daemon()
        mac.tries_docker("rm", "--force", "lost")
        taken = "port is already allocated" in mac.tries_docker(*ask).stderr
        mac.docker("rm", "--force", "--volumes", "lost")
        if taken:
            return
    pytest.fail("the daemon never lost the port")


def test_a_port_that_docker_has_lost_is_regained_by_consent(running: Project, lab: Lab, mac2: Mac):
    faults = Faults(lab.settings, mac2.state)
    before = mac2.identities("harbour")
    mac2.docker("rm", "--force", "harbour-gate")
    lose_port(mac2, faults, 18080)
    refused = running.run("deploy.py", "-y", hosts="mac2")
    assert refused.status != 0
    assert "port 18080, for gate, is taken by" in refused.words
    assert "on a Mac --data restart_docker=true does that" in refused.words
    with docker_desktop(lab.settings, mac2.state):
        run = running.deploy(hosts="mac2", restart_docker=True)
    assert "port 18080, for gate, may be held for a container that Docker has lost" in run.words
    assert "restarting Docker Desktop, which holds port 18080 for a container that it" in run.words
    assert "4/4 containers healthy" in run.text
    after = mac2.identities("harbour")
    assert {name for name in before if before[name][0] != after[name][0]} == {"harbour-gate"}
    assert "no changes" in running.deploy(hosts="mac2", restart_docker=True).text


def test_the_vm_is_resized_and_its_containers_come_back(running: Project, lab: Lab, mac2: Mac):
    cpus = int(mac2.docker("info", "--format", "{{.NCPU}}"))
    before = mac2.identities("harbour")
    file = mac2.root / HOME / SETTINGS
    mac2.sh(f"mkdir -p ~/'{SETTINGS.rpartition('/')[0]}'")
    with docker_desktop(lab.settings, mac2.state):
        file.write_text('{"AutoStart": true, "Cpus": 1}\n')
        os.chown(file, 501, 20)
        run = running.run("vm.py", "-y", hosts="mac2", vm_resize=True, vm_cpus=cpus)
        assert run.status == 0, run.text
        assert f"VM: CPUs 1 → {cpus}, Docker Desktop restarts, 4 containers stop" in run.words
        assert f"the VM has {cpus} CPU" in run.words
        assert "4/4 containers ran again after" in run.words
        assert json.loads(file.read_text()) == {"AutoStart": True, "Cpus": cpus}
        assert json.loads(file.with_name(f"{file.name}.drydock-former").read_text())["Cpus"] == 1
    mac2.sh("rm -rf ~/'Library/Group Containers'")
    after = mac2.identities("harbour")
    assert {name: it[0] for name, it in after.items()} == {n: it[0] for n, it in before.items()}
    assert all(after[name][1] != it[1] for name, it in before.items())

    dry = running.run("deploy.py", "--dry", hosts="mac2", vm_cpus=cpus + 1)
    assert dry.status == 0, dry.text
    assert f"and the host's data says {cpus + 1} CPUs: `pyinfra" in dry.words
