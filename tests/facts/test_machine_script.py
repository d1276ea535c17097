import getpass
import os

import pytest

from facts.machine import Machine

BARE_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
MACOS = {
    "uname": '[ "$1" = -s ] && echo Darwin || echo arm64',
    "sw_vers": "echo 15.5",
}
SYSCTL = """
value() {
    case $1 in
    hw.nperflevels) echo 2 ;;
    hw.memsize) echo 38654705664 ;;
    hw.logicalcpu) echo 14 ;;
    hw.perflevel0.name) echo Performance ;;
    hw.perflevel1.name) echo Efficiency ;;
    *) return 1 ;;
    esac
}
[ "$1" = -n ] && { value "$2"; exit; }
status=0
for name in "$@"; do
    if value=$(value "$name"); then echo "$name: $value"; else
        echo "sysctl: unknown oid '$name'" >&2
        UNKNOWN
    fi
done
exit "$status"
"""


@pytest.mark.parametrize("unknown", ["exit 1", "status=1"], ids=["stops", "goes-on"])
def test_machine_reads_a_mac_whatever_sysctl_does_with_unknown_names(
    ask, executable, tmp_path, unknown
):
    doubles = tmp_path / "doubles"
    for name, text in (MACOS | {"sysctl": SYSCTL.replace("UNKNOWN", unknown)}).items():
        executable(doubles / name, text)
    machine = ask(Machine(), path=f"{doubles}:{BARE_PATH}")
    assert (machine.kernel, machine.architecture, machine.os_version) == ("Darwin", "arm64", "15.5")
    assert (machine.memory_bytes, machine.cpus) == (38654705664, 14)
    assert machine.sysctl_text.splitlines() == [
        "hw.memsize: 38654705664",
        "hw.logicalcpu: 14",
        "hw.nperflevels: 2",
        "hw.perflevel0.name: Performance",
        "hw.perflevel1.name: Efficiency",
    ]


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="asks this machine's Linux")
def test_machine_reads_this_linux(ask, home):
    machine = ask(Machine())
    assert machine.kernel == "Linux"
    assert machine.architecture == os.uname().machine
    assert machine.memory_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert machine.cpus == os.sysconf("SC_NPROCESSORS_ONLN")
    assert machine.home == str(home)
    assert machine.user == getpass.getuser()
    assert machine.sysctl_text == ""
