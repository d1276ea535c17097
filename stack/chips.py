"""Read a chip from what its host says of itself."""

import re
from collections.abc import Mapping

from stack.errors import DrydockError
from stack.model import Chip, CoreLevel

BRAND = "machdep.cpu.brand_string"
_LINE = re.compile(r"(?P<key>[A-Za-z0-9_.]+)\s*[:=]\s*(?P<value>.*)")
_LINUX_TAGS = {
    "x86_64": "linux-x86-64",
    "amd64": "linux-x86-64",
    "aarch64": "linux-arm64",
    "arm64": "linux-arm64",
}


def parse_sysctl(text: str) -> Chip:
    """Read a Mac's chip from the text of `sysctl`; DrydockError names the line that is wrong.

    The number of core levels and their names are macOS's own, so a chip that is not out yet
    needs no change here.
    """
    lines = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
    values = {line["key"]: line["value"].strip() for line in lines if line}
    brand = _text(values, BRAND)
    virtual = "(Virtual)" in brand or _number(values, "kern.hv_vmm_present", optional=True) == 1
    return Chip(
        name=brand,
        tag=_mac_tag(brand),
        levels=_levels(values, perflevels_expected=brand.startswith("Apple") and not virtual),
        memory_bytes=_positive(values, "hw.memsize"),
        virtual=virtual,
    )


def linux_chip(model: str, architecture: str, cpus: int, memory_bytes: int) -> Chip:
    """Describe a Linux host, whose cores are all of one level; DrydockError if unsupported."""
    tag = _LINUX_TAGS.get(architecture)
    if tag is None:
        known = ", ".join(_LINUX_TAGS)
        raise DrydockError(
            f"architecture {architecture!r} is not supported: use a host with one of {known}"
        )
    levels = (CoreLevel(name="Standard", cores=cpus),)
    return Chip(name=model, tag=tag, levels=levels, memory_bytes=memory_bytes)


def _levels(values: Mapping[str, str], perflevels_expected: bool) -> tuple[CoreLevel, ...]:
    if "hw.nperflevels" not in values and not perflevels_expected:
        return (CoreLevel(name="Standard", cores=_positive(values, "hw.physicalcpu")),)
    return tuple(
        CoreLevel(
            name=_text(values, f"hw.perflevel{number}.name"),
            cores=_positive(values, f"hw.perflevel{number}.physicalcpu"),
            l2_bytes=_number(values, f"hw.perflevel{number}.l2cachesize", optional=True),
            cores_per_l2=_number(values, f"hw.perflevel{number}.cpusperl2", optional=True),
        )
        for number in range(_positive(values, "hw.nperflevels"))
    )


def _mac_tag(brand: str) -> str:
    if brand.startswith("Apple"):
        return tag_of(brand.replace("(Virtual)", ""))
    model = re.sub(r"\((R|TM)\)|\bCPU\b|@.*", " ", brand, flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")


def _text(values: Mapping[str, str], key: str) -> str:
    value = values.get(key, "")
    if not value:
        state = "is empty" if key in values else "is missing"
        raise DrydockError(f"sysctl: {key} {state}; run `sysctl {key}` on the Mac to see its line")
    return value


def _number(values: Mapping[str, str], key: str, optional: bool = False) -> int | None:
    if optional and key not in values:
        return None
    value = _text(values, key)
    if not re.fullmatch("[0-9]{1,18}", value, re.ASCII):
        raise DrydockError(
            f"sysctl: {key} is {value!r}, expected a whole number; "
            f"run `sysctl {key}` on the Mac to see its line"
        )
    return int(value)


def _positive(values: Mapping[str, str], key: str) -> int:
    number = _number(values, key)
    if not number:
        raise DrydockError(
            f"sysctl: {key} is 0, expected more than zero; "
            f"run `sysctl {key}` on the Mac to see its line"
        )
    return number


def tag_of(chip_name: str) -> str:
    """Image tag of a chip: "Apple M4 Max" becomes "m4max"."""
    return re.sub(r"[^a-z0-9]", "", chip_name.lower().removeprefix("apple"))
