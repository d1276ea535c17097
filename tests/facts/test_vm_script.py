import json

from facts.vm import Vm, VmInfo
from stack.vm.size import Size

GIB = 2**30
FOLDER = "Library/Group Containers/group.com.docker"


def written(home, name):
    file = home / FOLDER / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    return str(file)


def test_docker_desktops_newer_settings_come_first(ask, executable, home):
    cli = executable(home / "docker", '[ "$*" = "desktop status" ]')
    older = written(home, "settings.json")
    assert ask(Vm(), "docker-desktop", str(cli)) == VmInfo(str(cli), older)
    newer = written(home, "settings-store.json")
    assert ask(Vm(), "docker-desktop", str(cli)) == VmInfo(str(cli), newer)
    cli.write_text("#!/bin/sh\nexit 1\n")
    assert ask(Vm(), "docker-desktop", str(cli)) == VmInfo("", newer)


def test_settings_that_are_a_link_are_told(ask, home):
    older = written(home, "settings.json")
    link = home / FOLDER / "settings-store.json"
    link.symlink_to(older)
    assert ask(Vm(), "docker-desktop", "/nowhere/docker") == VmInfo("", str(link), is_link=True)


def test_colima_is_asked_for_the_profile_of_the_socket(ask, executable, home):
    profiles = [{"name": "default", "cpus": 2, "memory": 2 * GIB}, {"name": "work", "cpus": 6}]
    said = "\n".join(map(json.dumps, profiles))
    executable(home / "bin/colima", f"[ \"$*\" = 'list --json' ] && cat <<'E'\n{said}\nE")
    socket = str(home / ".colima/default/docker.sock")
    found = ask(Vm(), "colima", "", socket, path=f"{home}/bin:/usr/bin:/bin")
    assert found.program.endswith("/colima")
    assert found.size_of_colima(socket) == Size(2, 2 * GIB)
    assert found.size_of_colima("/x/.colima/work/docker.sock") == Size(6, None)
    assert found.size_of_colima("/x/.colima/none/docker.sock") == Size()


def test_orbstack_is_asked_for_each_setting(ask, executable, home):
    answers = "case $* in 'config get cpu') echo 8 ;; 'config get memory_mib') echo 16384 ;; esac"
    executable(home / ".orbstack/bin/orb", answers)
    assert ask(Vm(), "orbstack").size_of_orbstack == Size(8, 16 * GIB)


def test_what_says_nothing_of_a_size_has_none():
    assert VmInfo(said=("FATA no such profile", "[1]")).size_of_colima("/a/b/docker.sock") == Size()
    assert VmInfo(said=("cpu: none", "memory_mib: 0")).size_of_orbstack == Size()
