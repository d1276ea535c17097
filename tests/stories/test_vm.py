"""Docker's VM restarts with other settings: a real daemon, behind a double of Docker Desktop."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from lab.faults import Faults
from tests.stories.mac import Mac
from tests.stories.project import Project
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
HOME = "Users/trader"
SETTINGS = "Library/Group Containers/group.com.docker/settings-store.json"
PLUGIN = """#!/bin/sh
# Test double of `docker desktop`: it has the daemon stopped and started, and waits until it is.
case $* in
docker-cli-plugin-metadata) echo '{"SchemaVersion":"0.1.0","Vendor":"a double","Version":"1"}' ;;
"desktop status") echo "Status running" ;;
*) echo "$2" >~/asked && read -r done <~/done && [ "$done" = yes ] ;;
esac
"""


@contextmanager
def docker_desktop(mac: Mac, faults: Faults) -> Iterator[None]:
    """While inside, the Mac has the command, and a file of settings."""
    mac.sh(f"mkdir -p ~/'{SETTINGS.rpartition('/')[0]}' && mkfifo ~/asked ~/done")
    plugin = mac.root / HOME / ".docker/cli-plugins/docker-desktop"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    asked, done = mac.root / HOME / "asked", mac.root / HOME / "done"

    def serve() -> None:
        while (word := asked.read_text().strip()) != "end":
            if word == "stop":
                faults.end_daemon(signal.SIGTERM)
            else:
                faults.start_daemon()
            done.write_text("yes\n")

    server = Thread(target=serve, daemon=True)
    server.start()
    try:
        yield
    finally:
        asked.write_text("end")
        server.join()
        plugin.unlink()
        mac.sh("rm -rf ~/asked ~/done ~/'Library/Group Containers'")


def test_the_vm_is_resized_and_its_containers_come_back(running: Project, lab: Lab, mac2: Mac):
    cpus = int(mac2.docker("info", "--format", "{{.NCPU}}"))
    before = mac2.identities("harbour")
    file = mac2.root / HOME / SETTINGS
    with docker_desktop(mac2, Faults(lab.settings, mac2.state)):
        file.write_text('{"AutoStart": true, "Cpus": 1}\n')
        os.chown(file, 501, 20)
        run = running.run("vm.py", "-y", hosts="mac2", vm_resize=True, vm_cpus=cpus)
        assert run.status == 0, run.text
        assert f"VM: CPUs 1 → {cpus}, Docker Desktop restarts, 4 containers stop" in run.words
        assert f"the VM has {cpus} CPU" in run.words
        assert "4/4 containers ran again after" in run.words
        assert json.loads(file.read_text()) == {"AutoStart": True, "Cpus": cpus}
        assert json.loads(file.with_name(f"{file.name}.drydock-former").read_text())["Cpus"] == 1
    after = mac2.identities("harbour")
    assert {name: it[0] for name, it in after.items()} == {n: it[0] for n, it in before.items()}
    assert all(after[name][1] != it[1] for name, it in before.items())

    dry = running.run("deploy.py", "--dry", hosts="mac2", vm_cpus=cpus + 1)
    assert dry.status == 0, dry.text
    assert f"and the host's data says {cpus + 1} CPUs: `pyinfra" in dry.words
