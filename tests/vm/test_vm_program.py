"""vm.py against doubles of each runtime, which restart with the size that their settings say."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from pyinfra.context import ctx_host, ctx_state

from facts.plan import plan_host
from facts.vm_plan import plan_installation, plan_vm, settings_text
from operations.vm.announce import announce
from operations.vm.size import _resize
from stack.errors import DrydockError
from stack.release.shared import release_for
from tests.vm.mac import DoubleMac

DESKTOP = ".docker/run/docker.sock"
SETTINGS = """\
{
  "AutoStart": true,
  "cpus": 4,
  "ProxyHTTP": "http://me:pass@proxy",
  "MEMORYMIB": 8192
}
"""


@pytest.fixture
def make_mac():
    """Macs of doubles, whose daemons end with the test."""
    macs = []

    def make(runtime):
        macs.append(DoubleMac(Path(tempfile.mkdtemp(prefix="vm-")), runtime))
        return macs[-1]

    yield make
    ctx_state.reset()
    for mac in macs:
        mac.end()
        shutil.rmtree(mac.folder)


@pytest.fixture
def desktop(make_mac):
    mac = make_mac("docker-desktop")
    mac.write_settings(SETTINGS)
    mac.does("docker", "desktop", "start")
    mac.forget_calls()
    return mac


@pytest.fixture
def resize(monkeypatch, caplog):
    """Plan and resize in this process; whether it succeeded, and what was said."""
    caplog.set_level("INFO")

    def run(mac, socket, **data):
        caplog.clear()
        host = mac.host(monkeypatch, socket, **data)
        with ctx_host.use(host):
            way = plan_vm(host)
            announce(host, way.plan.changes, way)
            done = _resize(host, way)
        return done, " ".join(record.getMessage() for record in caplog.records)

    return run


def test_docker_desktop_is_resized_as_the_dry_run_said(desktop):
    project = desktop.project(DESKTOP)
    wish = {"vm_cpus": 12, "vm_memory": "24 GiB"}
    dry = project.run("vm.py", "--dry", hosts="@local", **wish)
    assert dry.status == 0, dry.text
    assert (
        "VM: memory 8 GiB → 24 GiB, Docker Desktop restarts, 2 containers stop until it is up"
        in dry.words
    )
    assert "--data vm_resize=true" in dry.text
    assert "the next deploy plans for 12 CPUs, 22.92 GiB, with these changes:" in dry.words
    assert desktop.settings().read_text() == SETTINGS
    assert desktop.calls == []

    unasked = project.run("vm.py", "-y", hosts="@local", **wish)
    assert unasked.status != 0, unasked.text
    assert "--data vm_resize=true" in unasked.words
    assert desktop.settings().read_text() == SETTINGS
    assert desktop.calls == []

    done = project.run("vm.py", "-y", hosts="@local", vm_resize=True, **wish)
    assert done.status == 0, done.text
    assert "the VM has 12 CPUs, 22.97 GiB, measured" in done.words
    assert "2/2 containers ran again" in done.words
    assert desktop.calls == ["docker desktop stop", "docker desktop start"]
    said = json.loads(desktop.settings().read_text())
    assert said.pop("LastQuit")
    assert said == json.loads(SETTINGS) | {"cpus": 12, "MEMORYMIB": 24576}
    copy = desktop.settings("settings-store.json.drydock-former")
    assert json.loads(copy.read_text())["MEMORYMIB"] == 8192
    assert {file.name for file in copy.parent.iterdir()} == {
        "settings-store.json", "settings-store.json.drydock-former",
    }  # fmt: skip
    assert "me:pass" not in dry.text + done.text


@pytest.mark.parametrize(("monitor", "monitored"), [("agent", True), ("off", False)])
def test_templates_know_whether_the_macs_monitor_writes_figures(
    desktop, monkeypatch, monitor, monitored
):
    orders = []
    monkeypatch.setattr("facts.plan.release_for", lambda it: orders.append(it) or release_for(it))
    host = desktop.host(monkeypatch, DESKTOP, monitor=monitor)
    with ctx_host.use(host):
        plan_host(host)
    assert [it.monitored for it in orders] == [monitored]


def test_a_vm_that_stays_small_gets_its_former_settings(desktop, resize):
    (desktop.folder / "stuck").write_text("4 8192")
    desktop.settings().chmod(0o640)
    done, words = resize(desktop, DESKTOP, vm_memory="16 GiB")
    assert not done
    assert "the VM has 4 CPUs, 7.66 GiB after its restart, and not 16 GiB" in words
    assert "the former ones are restored: the VM has 4 CPUs, 7.66 GiB" in words
    said = json.loads(desktop.settings().read_text())
    assert {key: said[key] for key in json.loads(SETTINGS)} == json.loads(SETTINGS)
    assert desktop.settings().stat().st_mode & 0o777 == 0o640


def test_a_container_that_does_not_come_back_is_named(desktop, resize, monkeypatch):
    monkeypatch.setattr("operations.vm.restart.BACK_WITHIN_S", 0)
    desktop.keep_running("harbour-pilot", "harbour-tide", "once-by-hand")
    desktop.does("docker", "desktop", "stop")
    desktop.does("docker", "desktop", "start")
    desktop.keep_running("harbour-pilot")
    done, words = resize(desktop, DESKTOP, vm_cpus=6)
    assert not done
    assert "the VM has 6 CPUs" in words
    assert "stopped, and not started again: once-by-hand" in words
    assert "1/2 containers ran again" in words
    assert "not running again: harbour-tide; `pyinfra inventory.py deploy.py` starts" in words


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (lambda file: file.write_text('{"cpus": 4,'), "is no settings file of Docker Desktop"),
        (lambda file: file.write_bytes(b"\xff{}"), "is no settings file of Docker Desktop"),
        (lambda file: file.unlink(), "can't be read: No such file or directory"),
        (lambda file: file.symlink_to(file.rename(f"{file}.real")), "is a link"),
    ],
)
def test_settings_that_are_none_are_refused_before_anything(desktop, resize, write, why):
    write(desktop.settings())
    with pytest.raises(DrydockError, match=why):
        resize(desktop, DESKTOP, vm_cpus=6)
    assert desktop.calls == []


def test_settings_that_change_in_between_are_left_alone(desktop, resize, monkeypatch):
    def meanwhile(host, file):
        text = settings_text(host, file)
        if file.endswith(".drydock-former"):
            desktop.settings().write_text('{"cpus": 4, "memoryMiB": 8192, "by": 1}')
        return text

    monkeypatch.setattr("operations.vm.restart.settings_text", meanwhile)
    done, words = resize(desktop, DESKTOP, vm_cpus=6)
    assert not done
    assert "it was changed meanwhile" in words
    assert "the VM is as before: it has 4 CPUs, 7.66 GiB" in words
    assert json.loads(desktop.settings().read_text())["by"] == 1
    assert not list(desktop.home.rglob("*.drydock-sent"))


def test_an_old_docker_desktop_is_quit_and_opened(make_mac, resize):
    mac = make_mac("docker-desktop")
    (mac.folder / "old").touch()
    mac.write_settings('{"memoryMiB": 8192}', "settings.json")
    mac.does("open", "-a", "Docker")
    mac.forget_calls()
    done, words = resize(mac, DESKTOP, vm_cpus=6)
    assert done, words
    assert mac.calls == ['osascript -e quit app "Docker"', "open -a Docker"]
    said = json.loads(mac.settings("settings.json").read_text())
    assert (said["cpus"], said["memoryMiB"]) == (6, 8192)


def test_colima_is_stopped_and_started_with_its_size(make_mac, resize):
    mac = make_mac("colima")
    mac.does("colima", "start", "--cpu", "4", "--memory", "8")
    mac.forget_calls()
    place = ".colima/default/docker.sock"
    done, words = resize(mac, place, vm_cpus=6, vm_memory="12 GiB")
    assert done, words
    assert "the VM has 6 CPUs, 11.48 GiB, measured" in words
    assert mac.calls == [
        "colima stop --profile default",
        "colima start --profile default --cpu 6 --memory 12",
    ]


def test_orbstack_that_does_not_take_it_gets_its_former_size(make_mac, resize):
    mac = make_mac("orbstack")
    config = mac.home / ".orbstack/vmconfig.json"
    config.parent.mkdir()
    config.write_text('{"cpu": 4, "memory_mib": 8192}')
    mac.does("orb", "start")
    (mac.folder / "stuck").write_text("4 8192")
    mac.forget_calls()
    done, words = resize(mac, ".orbstack/run/docker.sock", vm_memory="12 GiB")
    assert not done
    assert "the VM has 4 CPUs, 7.66 GiB after its restart, and not 12 GiB" in words
    assert json.loads(config.read_text()) == {"cpu": 4, "memory_mib": 8192}
    assert mac.calls == [
        "orb config set memory_mib 12288", "orb stop", "orb start",
        "orb config set cpu 4", "orb config set memory_mib 8192", "orb stop", "orb start",
    ]  # fmt: skip


def test_a_mac_without_docker_gets_colima(make_mac):
    mac = make_mac("none")
    mac.forget_calls()
    project = mac.project(".colima/default/docker.sock")
    wish = {"ensure_docker": True, "vm_cpus": 6, "vm_memory": "12 GiB"}
    done = project.run("vm.py", "-y", hosts="@local", **wish)
    assert done.status == 0, done.text
    assert "Docker: Colima with 6 CPUs, 12 GiB" in done.words
    assert "Colima's VM has 6 CPUs, 11.48 GiB, measured" in done.words
    assert mac.calls == [
        "brew install colima docker docker-compose docker-buildx",
        "colima start --cpu 6 --memory 12",
    ]


def test_nothing_is_installed_that_the_data_does_not_ask_for(make_mac, monkeypatch):
    mac = make_mac("none")
    mac.forget_calls()
    place = ".colima/default/docker.sock"
    host = mac.host(monkeypatch, place)
    assert plan_installation(host) is None
    wish = {"vm_cpus": 6, "vm_memory": "12 GiB"}
    with pytest.raises(DrydockError, match="say vm_cpus and vm_memory"):
        plan_installation(mac.host(monkeypatch, place, ensure_docker=True))
    (mac.folder / "bin/brew").unlink()
    with pytest.raises(DrydockError, match="no Homebrew on this host"):
        plan_installation(mac.host(monkeypatch, place, ensure_docker=True, **wish))
    assert mac.calls == []


def test_a_deploy_names_the_vms_size_and_goes_on(desktop, monkeypatch):
    plan = plan_host(desktop.host(monkeypatch, DESKTOP, vm_memory="24 GiB"))
    assert [it.code for it in plan.findings] == ["vm_size"]
    assert plan.detected.daemon.cpus == 4


def test_a_stack_that_does_not_fit_is_told_of_the_vms_size(desktop, monkeypatch):
    large = {"pilot": {"memory": "20 GiB", "reservation": "20 GiB", "working_set": "20 GiB"}}
    data = {"overrides": large, "vm_memory": "24 GiB"}
    with pytest.raises(DrydockError, match="says 24 GiB: `pyinfra inventory"):
        plan_host(desktop.host(monkeypatch, DESKTOP, **data))
    assert plan_vm(desktop.host(monkeypatch, DESKTOP, **data)).afterwards
    with pytest.raises(DrydockError):
        plan_vm(desktop.host(monkeypatch, DESKTOP, **data | {"vm_memory": "12 GiB"}))
    assert desktop.calls == []
