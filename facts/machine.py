"""The hardware and the operating system of a host."""

from dataclasses import asdict, dataclass

from pyinfra.api.facts import FactBase

from facts.shell import script


@dataclass(frozen=True)
class MachineInfo:
    """A host as its operating system describes it; None is what it did not say."""

    kernel: str
    architecture: str
    os_version: str
    home: str
    user: str
    memory_bytes: int | None
    cpus: int | None
    sysctl_text: str
    linux_cpu_model: str
    uid: int | None = None

    def to_json(self) -> dict[str, object]:
        """For pyinfra's own JSON output."""
        return asdict(self)


class Machine(FactBase[MachineInfo]):
    """Kernel, architecture, memory, CPUs and, on a Mac, the text of `sysctl` on its chip."""

    def command(self) -> str:
        """One script for macOS and Linux."""
        return script("machine")

    def process(self, output: list[str]) -> MachineInfo:
        """Read the `name=value` lines, and what follows `sysctl=` as it stands."""
        end = output.index("sysctl=") if "sysctl=" in output else len(output)
        values = dict(line.split("=", 1) for line in output[:end] if "=" in line)
        sysctl = dict(line.split(": ", 1) for line in output[end + 1 :] if ": " in line)
        memory_kib = _number(values.get("memory_kib"))
        return MachineInfo(
            kernel=values.get("kernel", ""),
            architecture=values.get("architecture", ""),
            os_version=values.get("os_version", ""),
            home=values.get("home", ""),
            user=values.get("user", ""),
            memory_bytes=_number(sysctl.get("hw.memsize")) if sysctl else _bytes(memory_kib),
            cpus=_number(sysctl.get("hw.logicalcpu") or values.get("cpus")),
            sysctl_text="".join(f"{line}\n" for line in output[end + 1 :]),
            linux_cpu_model=values.get("linux_cpu_model", ""),
            uid=_number(values.get("uid")),
        )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _bytes(kib: int | None) -> int | None:
    return None if kib is None else kib * 1024
