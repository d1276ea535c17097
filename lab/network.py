"""The lab's network: one bridge, a namespace and an address for each host, a way out for builds."""

import json
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.process import LabError, run, succeeds
from lab.settings import Settings

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def bridge_exists(settings: Settings) -> bool:
    """Whether this lab's bridge is there."""
    return succeeds("ip", "link", "show", "dev", settings.bridge)


def uplink_mtu() -> int:
    """Largest packet of the machine's default route, in bytes."""
    routes = json.loads(run("ip", "-j", "-4", "route", "show", "default"))
    if not routes:
        raise LabError("this machine has no default route, so no build could reach a registry")
    link = json.loads(run("ip", "-j", "link", "show", "dev", routes[0]["dev"]))
    return int(link[0]["mtu"])


def taken_by(subnet: IPv4Network, routes: Iterable[dict[str, str]], bridge: str) -> str | None:
    """The device whose route overlaps the lab's subnet, else None. `routes` as `ip -j route`."""
    for route in routes:
        if route["dst"] == "default" or route.get("dev") == bridge:
            continue
        if subnet.overlaps(IPv4Network(route["dst"], strict=False)):
            return f"{route.get('dev', 'a route')} ({route['dst']})"
    return None


def connect(settings: Settings) -> None:
    """Bring up the bridge and let its hosts reach the package registries."""
    taken = taken_by(settings.subnet, json.loads(run("ip", "-j", "-4", "route")), settings.bridge)
    if taken:
        raise LabError(
            f"{settings.subnet} is taken by {taken}; set DRYDOCK_LAB_SUBNET to a free one"
        )
    if not bridge_exists(settings):
        run("ip", "link", "add", settings.bridge, "type", "bridge")
    address = f"{settings.gateway}/{settings.subnet.prefixlen}"
    run("ip", "addr", "replace", address, "dev", settings.bridge)
    run("ip", "link", "set", settings.bridge, "mtu", str(uplink_mtu()), "up")
    settings.run.mkdir(parents=True, exist_ok=True)
    before = settings.run / "ip_forward"
    if not before.exists():
        before.write_text(FORWARDING.read_text())
    FORWARDING.write_text("1\n")
    for rule in _rules(settings):
        if not succeeds("iptables", "-w", *_placed("-C", rule)):
            run("iptables", "-w", *_placed("-I", rule))


def disconnect(settings: Settings) -> None:
    """Remove the bridge and the rules; set forwarding back unless another lab needs it."""
    for rule in _rules(settings):
        while succeeds("iptables", "-w", *_placed("-C", rule)):
            run("iptables", "-w", *_placed("-D", rule))
    if bridge_exists(settings):
        run("ip", "link", "del", settings.bridge)
    before = settings.run / "ip_forward"
    if before.exists():
        if "drydock-lab:" not in run("iptables", "-w", "-S", "FORWARD"):
            FORWARDING.write_text(before.read_text())
        before.unlink()


def join(settings: Settings, host: str, address: IPv4Address | None) -> None:
    """Give a host its network namespace with one interface on the bridge; keeps what is there."""
    namespace = settings.namespace(host)
    if not namespace_exists(settings, host):
        run("ip", "netns", "add", namespace)
    if not succeeds("ip", "-n", namespace, "link", "show", "dev", "eth0"):
        mtu = str(uplink_mtu())
        peer = ("type", "veth", "peer", "name", "eth0", "mtu", mtu, "netns", namespace)
        run("ip", "link", "add", settings.interface(host), "mtu", mtu, *peer)
    run("ip", "link", "set", settings.interface(host), "master", settings.bridge, "up")
    inside = ("ip", "-n", namespace)
    run(*inside, "link", "set", "lo", "up")
    run(*inside, "link", "set", "eth0", "up")
    if address is None:
        return
    run(*inside, "addr", "replace", f"{address}/{settings.subnet.prefixlen}", "dev", "eth0")
    run(*inside, "route", "replace", "default", "via", str(settings.gateway))


def join_tap(settings: Settings, host: str) -> None:
    """Give a virtual machine its network: a tap in a namespace, bridged to the lab's bridge."""
    join(settings, host, None)
    inside = ("ip", "-n", settings.namespace(host))
    if not succeeds(*inside, "link", "show", "dev", "tap0"):
        run(*inside, "link", "add", "br0", "type", "bridge")
        run(*inside, "tuntap", "add", "tap0", "mode", "tap")
    for port in ("eth0", "tap0"):
        run(*inside, "link", "set", port, "mtu", str(uplink_mtu()), "master", "br0", "up")
    run(*inside, "link", "set", "br0", "up")


def leave(settings: Settings, host: str) -> None:
    """Remove a host's interface and namespace; nothing may run in it any more."""
    # The interface first: the kernel takes it with its namespace, but at a time of its own.
    if succeeds("ip", "link", "show", "dev", settings.interface(host)):
        run("ip", "link", "del", settings.interface(host))
    if namespace_exists(settings, host):
        run("ip", "netns", "del", settings.namespace(host))


def namespace_exists(settings: Settings, host: str) -> bool:
    """Whether a host's network namespace is there."""
    return settings.namespace(host) in namespaces()


def namespaces() -> list[str]:
    """Names of all network namespaces of the machine."""
    listed = run("ip", "-j", "netns", "list").strip()
    return [entry["name"] for entry in json.loads(listed)] if listed else []


def _placed(action: str, rule: tuple[str, ...]) -> tuple[str, ...]:
    table, chain, *match = rule
    return ("-t", table, action, chain, *match)


def _rules(settings: Settings) -> list[tuple[str, ...]]:
    bridge, subnet = settings.bridge, str(settings.subnet)
    mark = ("-m", "comment", "--comment", f"drydock-lab:{settings.name}")
    accept = (*mark, "-j", "ACCEPT")
    leaving = ("-s", subnet, "!", "-d", subnet)
    return [
        ("filter", "FORWARD", "-i", bridge, *accept),
        ("filter", "FORWARD", "-o", bridge, *accept),
        ("nat", "POSTROUTING", *leaving, *mark, "-j", "MASQUERADE"),
    ]
