"""The size of Docker's VM: what is refused, what changes, and by which commands."""

import re

import pytest

from stack.errors import DrydockError
from stack.load import load_stack
from stack.model import Chip, CoreLevel, Daemon
from stack.settings import Settings
from stack.vm.commands import FORMULAE, commands_of, install_of
from stack.vm.size import NAMES, Size, changes_to, findings_of, largest_daemon, refuse_size
from tests.demo import STACK

GIB = 2**30
LEVELS = (CoreLevel(name="Performance", cores=10), CoreLevel(name="Efficiency", cores=4))
MAC = Chip(name="Apple M4 Max", tag="m4max", levels=LEVELS, memory_bytes=36 * GIB)
SMALL = Daemon(cpus=4, memory_bytes=int(7.65 * GIB))


def sentences(size, kept=Size(), daemon=SMALL, runtime="docker-desktop"):  # noqa: B008 - frozen
    return [it.sentence for it in changes_to(size, kept, daemon, runtime, running=16)]


def test_a_difference_is_a_change_with_its_consequence():
    assert sentences(Size(12, 24 * GIB), Size(4, 8 * GIB)) == [
        "VM: CPUs 4 → 12, Docker Desktop restarts, 16 containers stop until it is up"
        " again: resized",
        "VM: memory 8 GiB → 24 GiB, Docker Desktop restarts, 16 containers stop until it is up"
        " again: resized",
    ]


def test_what_the_settings_leave_out_is_what_the_daemon_has():
    (memory,) = sentences(Size(4, 24 * GIB))
    assert memory.startswith("VM: memory 7.65 GiB → 24 GiB")


def test_the_kernels_own_memory_is_no_difference():
    assert sentences(Size(4, 8 * GIB), Size(4, 8 * GIB)) == []
    assert sentences(Size(4, 8 * GIB)) == []
    assert sentences(Size(memory_bytes=8 * GIB), Size(2, 8 * GIB)) == []


def test_settings_that_no_restart_has_followed_are_a_difference():
    (memory,) = sentences(Size(4, 24 * GIB), Size(4, 24 * GIB))
    assert memory.startswith("VM: memory 7.65 GiB → 24 GiB")


def test_a_small_difference_of_the_settings_counts():
    assert len(sentences(Size(4, 8 * GIB), Size(4, int(7.9 * GIB)))) == 1


def test_macos_keeps_what_it_needs():
    assert largest_daemon(MAC) == Daemon(cpus=14, memory_bytes=int(31.5 * GIB))
    refuse_size(Size(14, 31 * GIB), MAC, "docker-desktop")
    said = re.escape(
        "vm_memory = 34 GiB: of this Mac's 36 GiB that leaves macOS 2 GiB, and it needs 4.5 GiB;"
        " recommended: 31 GiB, which is the most"
    )
    with pytest.raises(DrydockError, match=said):
        refuse_size(Size(4, 34 * GIB), MAC, "docker-desktop")
    with pytest.raises(DrydockError, match="that is all that there is"):
        refuse_size(Size(4, 36 * GIB), MAC, "orbstack")
    with pytest.raises(DrydockError, match="Apple M4 Max has 14 cores; recommended: 14"):
        refuse_size(Size(cpus=15), MAC, "colima")


def test_colima_takes_whole_gib():
    refuse_size(Size(memory_bytes=GIB // 2 * 3), MAC, "orbstack")
    with pytest.raises(DrydockError, match=r"1\.5 GiB: Colima takes whole GiB only"):
        refuse_size(Size(memory_bytes=GIB // 2 * 3), MAC, "colima")
    with pytest.raises(DrydockError, match="Docker Desktop takes whole MiB only"):
        refuse_size(Size(memory_bytes=GIB + 1), MAC, "docker-desktop")


@pytest.mark.parametrize("runtime", ["rancher", "linux", "other"])
def test_other_runtimes_are_left_to_their_own(runtime):
    with pytest.raises(DrydockError, match="set it there by hand, and drop the keys"):
        refuse_size(Size(2), MAC, runtime)


def test_a_deploy_names_the_difference_and_the_way():
    assert findings_of(Settings(), SMALL) == ()
    assert findings_of(Settings(vm_cpus=4, vm_memory="8 GiB"), SMALL) == ()
    (finding,) = findings_of(Settings(vm_cpus=4, vm_memory="24 GiB"), SMALL)
    assert finding.message.startswith(
        "Docker's VM has 4 CPUs, 7.65 GiB, and the host's data says 4 CPUs, 24 GiB"
    )
    assert "vm.py" in finding.message


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("vm_cpus", 0, "vm_cpus = 0"),
        ("vm_cpus", 2.5, "vm_cpus = 2.5"),
        ("vm_memory", "24", "vm_memory = '24'"),
        ("vm_memroy", "24 GiB", "did you mean 'vm_memory'"),
        ("ensure_docker", "perhaps", "ensure_docker = 'perhaps'"),
    ],
)
def test_a_slip_of_the_pen_is_named(key, value, said):
    with pytest.raises(DrydockError, match=said):
        load_stack({"stack": STACK, key: value}, {key: "inventory.py"})


def test_colimas_commands_name_its_profile_and_place():
    made = commands_of(
        "colima", "/opt/homebrew/bin/colima", "/U/me/.colima/work/docker.sock", Size(6, 8 * GIB)
    )
    assert made.set == ()
    assert made.stop[0][2:] == (
        "COLIMA_HOME=/U/me/.colima", "/opt/homebrew/bin/colima", "stop", "--profile", "work",
    )  # fmt: skip
    assert made.start[0][-8:] == (
        "/opt/homebrew/bin/colima", "start", "--profile", "work", "--cpu", "6", "--memory", "8",
    )  # fmt: skip


def test_orbstack_is_told_before_it_is_stopped():
    made = commands_of("orbstack", "/usr/local/bin/orb", "/s", Size(memory_bytes=6 * GIB))
    assert made.set == (("/usr/local/bin/orb", "config", "set", "memory_mib", "6144"),)
    assert (made.stop, made.start) == (
        (("/usr/local/bin/orb", "stop"),),
        (("/usr/local/bin/orb", "start"),),
    )


def test_a_docker_desktop_without_its_command_is_quit_and_opened():
    made = commands_of("docker-desktop", "", "/s", Size(4))
    assert 'quit app "Docker"' in made.stop[0][2]
    assert made.start == (("open", "-a", "Docker"),)
    made = commands_of("docker-desktop", "/usr/local/bin/docker", "/s", Size(4))
    assert made.start == (("/usr/local/bin/docker", "desktop", "start"),)


def test_homebrew_installs_all_that_a_deploy_needs():
    install, start = install_of("/opt/homebrew/bin/brew", Size(4, 8 * GIB))
    assert install[-6:] == ("/opt/homebrew/bin/brew", "install", *FORMULAE)
    assert start[-6:] == ("/opt/homebrew/bin/colima", "start", "--cpu", "4", "--memory", "8")
    assert {"docker", "docker-compose", "docker-buildx"} < set(FORMULAE)


def test_every_runtime_that_can_be_resized_has_commands():
    for runtime in NAMES:
        made = commands_of(runtime, "/p", "/a/b/docker.sock", Size(2, 2 * GIB))
        assert made.stop
        assert made.start
