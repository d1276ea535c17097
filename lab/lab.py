"""A whole lab: bring it up, say how it is, take it down."""

import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab import hosts, machine, namespace, network, registry, vm
from lab.cache import locked
from lab.debian import debian_root
from lab.process import LabError, say
from lab.settings import Settings
from lab.spec import HostSpec, HostState, read_state, write_state


def up(settings: Settings, specs: Sequence[HostSpec]) -> None:
    """Bring up what is missing of a lab; hosts that are well and as asked for stay as they are."""
    _require_root()
    started = time.monotonic()
    machine.install_tools(vm.TOOLS if any(spec.emulated for spec in specs) else {})
    with locked(settings.run / "lock"):
        with locked(settings.cache / "lock"):
            debian = debian_root(settings)
            network.connect(settings)
            hosts.make_key(settings)
            images = registry.build_missing(settings, debian)
            made = vm.image(settings, debian) if any(s.emulated for s in specs) else None
        registry.start(settings, debian / "root", images)
        known = read_state(settings.state_file)
        wanted = {spec.name: hosts.state_of(settings, spec) for spec in specs}
        todo = [spec for spec in specs if not _stays(settings, known, wanted[spec.name])]
        for spec in todo:
            _make_way(settings, spec, known.get(spec.name))
            say(f"Starting {spec.name}: {spec.chip}, {spec.runtime}")
            if made is not None and spec.emulated:
                vm.start(settings, spec, debian / "root", made)
            else:
                hosts.start(settings, spec, debian / "root")
        everyone = [*(h for h in known.values() if h.name not in wanted), *wanted.values()]
        write_state(settings.state_file, settings.registry_address, everyone)
        _write_known_hosts(settings, everyone)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda spec: _wait(settings, wanted[spec.name]), todo))
    say(f"The lab is up, {len(specs)} hosts, in {time.monotonic() - started:.1f} s")


def down(settings: Settings, *, keep_data: bool) -> None:
    """Remove everything of this lab, whatever state it is in; nothing to do is fine."""
    _require_root()
    machine.install_tools()
    with locked(settings.run / "lock"):
        prefix = settings.namespace("")
        left = {n.removeprefix(prefix) for n in network.namespaces() if n.startswith(prefix)}
        directories = settings.run / "hosts"
        if directories.is_dir():
            left |= {path.name for path in directories.iterdir()}
        for name in sorted(left):
            say(f"Removing {name}")
            hosts.remove(settings, name, keep_data=keep_data)
        namespace.remove_cgroups(settings)
        network.disconnect(settings)
        settings.state_file.unlink(missing_ok=True)
    # Another run that took it down as well may have been the last one here.
    if not keep_data and settings.run.is_dir():
        shutil.rmtree(settings.run)
    say("The lab is down")


def status(settings: Settings) -> dict[str, Any]:
    """What runs, for a person or a program: each host with how to reach it and its state."""
    known = read_state(settings.state_file).values()
    serving = registry.answers(settings)
    with ThreadPoolExecutor() as pool:
        wellness = list(pool.map(hosts.is_well, known))
    return {
        "well": bool(known) and all(wellness) and serving,
        "registry": {
            "address": settings.registry_address,
            "state": "well" if serving else "does not answer",
        },
        "hosts": [
            {**vars(host), "state": "well" if well else "does not answer"}
            for host, well in zip(known, wellness, strict=True)
        ],
    }


def _stays(settings: Settings, known: dict[str, HostState], wanted: HostState) -> bool:
    # Without a process there is no use in waiting for an answer.
    runs = bool(namespace.processes(settings, wanted.name))
    if known.get(wanted.name) != wanted or not runs or not hosts.is_well(wanted):
        return False
    say(f"{wanted.name} ({wanted.chip}, {wanted.runtime}) is well at {wanted.address}")
    return True


def _make_way(settings: Settings, spec: HostSpec, before: HostState | None) -> None:
    if before is not None and before != hosts.state_of(settings, spec):
        say(f"{spec.name} was {before.chip}, {before.runtime}: removing it")
        hosts.remove(settings, spec.name)
    elif namespace.processes(settings, spec.name):
        say(f"{spec.name} does not answer: restarting it, its files, images and volumes stay")
    hosts.stop(settings, spec.name)


def _wait(settings: Settings, host: HostState) -> None:
    took_s = hosts.wait_until_well(settings, host)
    say(f"{host.name} is well at {host.address} after {took_s:.1f} s")


def _write_known_hosts(settings: Settings, everyone: Sequence[HostState]) -> None:
    lines = [hosts.known_hosts_line(settings, host) for host in everyone]
    (settings.run / "ssh/known_hosts").write_text("".join(lines))


def _require_root() -> None:
    if os.geteuid() != 0:
        raise LabError("needs root: it makes network namespaces and mounts")
