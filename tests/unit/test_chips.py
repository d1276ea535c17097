import pytest

from stack.chips import linux_chip, parse_sysctl
from stack.daemon import daemon_of
from stack.errors import DrydockError

M4_MAX = """\
hw.memsize: 38654705664
hw.nperflevels: 2
hw.perflevel0.name: Performance
hw.perflevel0.physicalcpu: 10
hw.perflevel0.l2cachesize: 16777216
hw.perflevel0.cpusperl2: 5
hw.perflevel1.name: Efficiency
hw.perflevel1.physicalcpu: 4
kern.hv_vmm_present: 0
machdep.cpu.brand_string: Apple M4 Max
"""
INTEL = """\
machdep.cpu.brand_string: Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz
hw.physicalcpu: 6
hw.logicalcpu: 12
hw.memsize: 17179869184
kern.hv_vmm_present: 0
"""
THREE_LEVELS = M4_MAX.replace("hw.nperflevels: 2", "hw.nperflevels: 3").replace(
    "kern.", "hw.perflevel2.name: Frugal\nhw.perflevel2.physicalcpu: 6\nkern."
)


def without(key, text=M4_MAX):
    return "".join(line for line in text.splitlines(True) if not line.startswith(f"{key}:"))


def levels(chip):
    return [(level.name, level.cores) for level in chip.levels]


def test_a_chip_has_the_levels_that_macos_names():
    chip = parse_sysctl(M4_MAX)
    assert (chip.name, chip.tag, chip.virtual) == ("Apple M4 Max", "m4max", False)
    assert levels(chip) == [("Performance", 10), ("Efficiency", 4)]
    assert chip.memory_bytes == 36 * 2**30
    assert (chip.levels[0].l2_bytes, chip.levels[0].cores_per_l2) == (2**24, 5)
    assert chip.levels[1].l2_bytes is None


def test_a_chip_may_have_any_number_of_levels():
    chip = parse_sysctl(THREE_LEVELS)
    assert levels(chip) == [("Performance", 10), ("Efficiency", 4), ("Frugal", 6)]


def test_lines_may_be_written_with_an_equals_sign():
    assert parse_sysctl(M4_MAX.replace(": ", "=")) == parse_sysctl(M4_MAX)


def test_an_intel_mac_has_one_level_and_a_tag_safe_for_images():
    chip = parse_sysctl(INTEL)
    assert (chip.tag, levels(chip)) == ("intel-core-i7-9750h", [("Standard", 6)])


@pytest.mark.parametrize("perflevels", [True, False])
def test_a_macos_vm_is_virtual_and_tagged_by_its_chip(perflevels):
    own = "hw.nperflevels: 1\nhw.perflevel0.name: Standard\nhw.perflevel0.physicalcpu: 4\n"
    text = (
        "machdep.cpu.brand_string: Apple M1 (Virtual)\nhw.memsize: 8589934592\n"
        f"kern.hv_vmm_present: 1\nhw.physicalcpu: 4\n{own if perflevels else ''}"
    )
    chip = parse_sysctl(text)
    assert (chip.tag, chip.virtual, levels(chip)) == ("m1", True, [("Standard", 4)])


@pytest.mark.parametrize(
    "key",
    ["hw.memsize", "hw.nperflevels", "hw.perflevel1.physicalcpu", "machdep.cpu.brand_string"],
)
def test_a_missing_line_is_named_with_what_to_run(key):
    with pytest.raises(DrydockError, match=f"{key} is missing; run `sysctl {key}` on the Mac"):
        parse_sysctl(without(key))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hw.memsize: lots", "hw.memsize is 'lots', expected a whole number"),
        ("hw.memsize: -1", "hw.memsize is '-1', expected a whole number"),
        ("hw.memsize: 0", "hw.memsize is 0, expected more than zero"),
        ("hw.memsize:", "hw.memsize is empty"),
        ("hw.nperflevels: 3", "hw.perflevel2.name is missing"),
        ("hw.perflevel0.physicalcpu: 1.5", "hw.perflevel0.physicalcpu is '1.5'"),
        ("hw.perflevel0.cpusperl2: five", "hw.perflevel0.cpusperl2 is 'five'"),
    ],
)
def test_a_wrong_line_is_named_with_its_value(line, said):
    with pytest.raises(DrydockError, match=said):
        parse_sysctl(without(line.split(":")[0]) + line + "\n")


def test_text_that_is_no_sysctl_is_refused():
    with pytest.raises(DrydockError, match=r"machdep\.cpu\.brand_string is missing"):
        parse_sysctl("zsh: command not found: sysctl")


@pytest.mark.parametrize(
    ("architecture", "tag"), [("x86_64", "linux-x86-64"), ("aarch64", "linux-arm64")]
)
def test_a_linux_host_is_tagged_by_its_architecture(architecture, tag):
    chip = linux_chip("AMD EPYC", architecture, cpus=2, memory_bytes=2**34)
    assert (chip.tag, levels(chip)) == (tag, [("Standard", 2)])


def test_an_unknown_architecture_is_refused():
    with pytest.raises(DrydockError, match="'riscv64' is not supported"):
        linux_chip("SiFive", "riscv64", cpus=2, memory_bytes=2**34)


def test_a_daemon_says_its_cpus_memory_and_architecture():
    daemon = daemon_of({"NCPU": 14, "MemTotal": 2**35, "Architecture": "aarch64"})
    assert (daemon.cpus, daemon.memory_bytes, daemon.architecture) == (14, 2**35, "aarch64")


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"MemTotal": 1}, "NCPU is missing"),
        ({"NCPU": 0, "MemTotal": 1}, "NCPU is 0"),
        ({"NCPU": 2, "MemTotal": "15 GiB"}, "MemTotal is '15 GiB'"),
        ({"NCPU": 0, "ServerErrors": ["Cannot connect"]}, "no answer.*Cannot connect"),
    ],
)
def test_a_daemon_that_does_not_say_so_is_refused(info, said):
    with pytest.raises(DrydockError, match=said):
        daemon_of(info)
